import { createVerifier, type DefinedScheme, type Verifier, type VerifierOptions } from '@countersign/core';
import type { ClassicForm } from '../rules.ts';
import { bodyRows, transportRows } from './body-rows.ts';
import { type MatrixAnswer, MatrixFixture } from './fixture.ts';
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
  /** The status if no key matches or the time is off. */
  readonly refusalStatus: number;
  readonly createVerifier?: (options: VerifierOptions) => Verifier;
}

/** Sends every row of one kind; returns a line for each that failed. */
export async function runMatrix(
  target: MatrixTarget,
  rows: RowMaker,
): Promise<{ rows: number; failures: string[] }> {
  const fixture = await MatrixFixture.start(
    target.scheme,
    target.form,
    target.createVerifier ?? createVerifier,
  );
  const failures: string[] = [];
  try {
    const all = rows(fixture.sender);
    let handled = 0;
    for (const row of all) {
      const problem = await runRow(fixture, target, row, handled);
      if (problem !== undefined) failures.push(`${row.name}: ${problem}`);
      handled = fixture.runs;
    }
    // One good delivery at the end: refusing everything would pass most rows.
    const before = fixture.steps.length;
    const problem = await runRow(fixture, target, GENUINE, handled);
    if (problem !== undefined) failures.push(`a genuine delivery behind all rows: ${problem}`);
    if (fixture.steps.length !== before + 2)
      failures.push('the store was called for something in the meantime');
    return { rows: all.length, failures };
  } finally {
    await fixture.close();
  }
}

const GENUINE: MatrixRow = { name: 'genuine', expected: 'handled', request: (sender) => sender.request() };

async function runRow(
  fixture: MatrixFixture,
  { scheme, refusalStatus }: MatrixTarget,
  row: MatrixRow,
  runsBefore: number,
): Promise<string | undefined> {
  const stepsBefore = fixture.steps.length;
  const commitsBefore = fixture.steps.filter((step) => step === 'commit').length;
  if (refusalStatus === 503) await fixture.nextMinute();
  const request = row.request(fixture.sender);
  const expected = typeof row.expected === 'function' ? row.expected(request) : row.expected;
  const answer = await fixture.send(request).catch((error: unknown) => String(error));
  if (typeof answer === 'string') return answer;
  const isClaimed = fixture.runs > runsBefore && fixture.steps.length > stepsBefore;
  if (expected === 'handled' && isClaimed) await fixture.settled(commitsBefore + 1);
  const runs = fixture.runs - runsBefore;
  const steps = fixture.steps.slice(stepsBefore).join(', ');
  if (expected === 'handled') return handledProblem(answer, runs, steps);
  if (runs !== 0) return `the handler ran ${runs} times`;
  if (steps !== '') return `the store was called to ${steps}`;
  if (expected === 'broken off') return undefined;
  // A sender that tests for 401 gets it for a malformed request too.
  const malformedStatus = scheme.delivery.demands401 === true ? 401 : 400;
  const statuses = {
    refused: refusalStatus,
    'too old': refusalStatus === 503 ? (scheme.delivery.suspendsOn4xx === true ? 429 : 401) : refusalStatus,
    400: malformedStatus,
    401: 401,
    413: 413,
    415: 415,
  };
  const body = scheme.delivery.demandsEmptyBody === true ? '' : REFUSAL_BODY;
  return refusalProblem(answer, statuses[expected], body) ?? leak(fixture.sender, request, answer);
}

function handledProblem(answer: MatrixAnswer | undefined, runs: number, steps: string): string | undefined {
  if (answer?.status !== 200) return `got ${answer?.status}, not 200`;
  if (runs !== 1) return `the handler ran ${runs} times`;
  return steps === 'claim, commit' ? undefined : `the store was called to ${steps}`;
}

function refusalProblem(answer: MatrixAnswer | undefined, status: number, body: string): string | undefined {
  if (answer?.status !== status) return `got ${answer?.status}, not ${status}`;
  return answer.body === body ? undefined : `the response has the body ${answer.body}`;
}

/** What only the holder of a secret can know of the request must not be in its response. */
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
      return 'the response contains a secret or a MAC';
  }
  return undefined;
}
