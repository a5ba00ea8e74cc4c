import { createVerifier, type DefinedScheme, type Verifier, type VerifierOptions } from '@countersign/core';
import type { ClassicForm } from '../rules.ts';
import { bodyRows, transportRows } from './body-rows.ts';
import { type MatrixAnswer, MatrixStand } from './fixture.ts';
import type { MatrixRow, RowMaker } from './rows.ts';
import type { MatrixRequest, MatrixSender, SecretName } from './sender.ts';
import { keyRows, macRows, signatureHeaderRows } from './signature-rows.ts';
import { bodyTimeRows, idRows, timeRows } from './signed-part-rows.ts';

/** The kinds of rows, by what is wrong in them. */
export const MATRIX: Readonly<Record<string, RowMaker>> = {
  keys: keyRows,
  MACs: macRows,
  'signature headers': signatureHeaderRows,
  times: timeRows,
  ids: idRows,
  'times in the body': bodyTimeRows,
  bodies: bodyRows,
  transport: transportRows,
};

const REFUSAL_BODY = '{"error":"webhook refused"}';

/** What the matrix is run against. */
export interface MatrixTarget {
  readonly scheme: DefinedScheme;
  readonly form: ClassicForm;
  /** What is answered where no key matches or the time is off. */
  readonly refusalStatus: number;
  readonly createVerifier?: (options: VerifierOptions) => Verifier;
}

/** Sends every row of one kind; what is given back is a line for each that went wrong. */
export async function runMatrix(
  target: MatrixTarget,
  rows: RowMaker,
): Promise<{ rows: number; failures: string[] }> {
  const stand = await MatrixStand.start(target.scheme, target.form, target.createVerifier ?? createVerifier);
  const failures: string[] = [];
  try {
    const all = rows(stand.sender);
    let handled = 0;
    for (const row of all) {
      const problem = await runRow(stand, target, row, handled);
      if (problem !== undefined) failures.push(`${row.name}: ${problem}`);
      handled = stand.runs;
    }
    // One good delivery at the end: refusing everything would pass most rows.
    const before = stand.steps.length;
    const problem = await runRow(stand, target, GENUINE, handled);
    if (problem !== undefined) failures.push(`a genuine delivery behind all rows: ${problem}`);
    if (stand.steps.length !== before + 2) failures.push('the store was asked for something in the meantime');
    return { rows: all.length, failures };
  } finally {
    await stand.close();
  }
}

const GENUINE: MatrixRow = { name: 'genuine', verdict: 'handled', request: (sender) => sender.request() };

async function runRow(
  stand: MatrixStand,
  { scheme, refusalStatus }: MatrixTarget,
  row: MatrixRow,
  runsBefore: number,
): Promise<string | undefined> {
  const stepsBefore = stand.steps.length;
  const commitsBefore = stand.steps.filter((step) => step === 'commit').length;
  if (refusalStatus === 503) await stand.nextMinute();
  const request = row.request(stand.sender);
  const verdict = typeof row.verdict === 'function' ? row.verdict(request) : row.verdict;
  const answer = await stand.send(request).catch((error: unknown) => String(error));
  if (typeof answer === 'string') return answer;
  const isClaimed = stand.runs > runsBefore && stand.steps.length > stepsBefore;
  if (verdict === 'handled' && isClaimed) await stand.settled(commitsBefore + 1);
  const runs = stand.runs - runsBefore;
  const steps = stand.steps.slice(stepsBefore).join(', ');
  if (verdict === 'handled') return handledProblem(answer, runs, steps);
  if (runs !== 0) return `the handler ran ${runs} times`;
  if (steps !== '') return `the store was asked to ${steps}`;
  if (verdict === 'broken off') return undefined;
  // A sender that tests for 401 gets it for a malformed request too.
  const malformedStatus = scheme.delivery.demands401 === true ? 401 : 400;
  const statuses = {
    refused: refusalStatus,
    'too old': refusalStatus === 503 ? 401 : refusalStatus,
    400: malformedStatus,
    401: 401,
    413: 413,
    415: 415,
  };
  return refusalProblem(answer, statuses[verdict]) ?? leak(stand.sender, request, answer);
}

function handledProblem(answer: MatrixAnswer | undefined, runs: number, steps: string): string | undefined {
  if (answer?.status !== 200) return `answered ${answer?.status}, not 200`;
  if (runs !== 1) return `the handler ran ${runs} times`;
  return steps === 'claim, commit' ? undefined : `the store was asked to ${steps}`;
}

function refusalProblem(answer: MatrixAnswer | undefined, status: number): string | undefined {
  if (answer?.status !== status) return `answered ${answer?.status}, not ${status}`;
  return answer.body === REFUSAL_BODY ? undefined : `answered with the body ${answer.body}`;
}

/** What only someone with a secret can know of the request must not be in its answer. */
function leak(
  sender: MatrixSender,
  { headers, body }: MatrixRequest,
  answer: MatrixAnswer | undefined,
): string | undefined {
  const value = (name: string | undefined) => headers.find(([each]) => each === name)?.[1] ?? '';
  const { id, timestamp } = sender.form;
  const time = timestamp?.header === undefined ? sender.time() : value(timestamp.header);
  for (const secret of ['current', 'previous', 'next'] satisfies SecretName[]) {
    const digest = sender.digest({ secret, id: value(id?.header), time, body });
    const canaries = [
      sender.secret(secret),
      digest.toString('hex'),
      digest.toString('base64'),
      digest.toString('base64url'),
    ];
    if (canaries.some((canary) => answer?.raw.includes(canary) === true))
      return 'the answer holds a secret or a MAC';
  }
  return undefined;
}
