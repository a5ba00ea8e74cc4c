import { type AnswerKind, describe, kindOf, ran } from './answer-kinds.ts';
import { type Delivery, isSendable, pathOf } from './delivery.ts';
import { type Answer, exchange, type Transport } from './exchange.ts';
import { type Finding, fault, notJudged, ok } from './finding.ts';
import { LeakWatch } from './leaks.ts';
import type { Reference } from './reference.ts';
import type { Runs } from './run-counter.ts';
import type { Sender } from './sender.ts';
import type { Target } from './target.ts';

/** What a check works with. */
export interface ProbeInput {
  readonly sender: Sender;
  readonly reference: Reference;
  readonly target: Target;
  /** Absent if the runs are not counted. */
  readonly runs: Runs | undefined;
  /** A body with which the handler fails. */
  readonly failBody: string | undefined;
  readonly pauseMs: number;
  /** How long an answer is waited for. Only the row about the time judges how slow a receiver is. */
  readonly timeoutMs: number;
}

/** A forgery whose answer was no 4xx, by the row that sent it. */
export interface OddAnswer {
  readonly row: string;
  readonly kind: AnswerKind;
  readonly seen: string;
}

type How = Partial<Transport>;

const NO_SIGNING = "genuine deliveries of this sender can't be signed without its private key";
const NO_GENUINE = 'no genuine delivery was accepted, so that a refusal proves nothing';
const NO_RUNS = 'runs were not counted: pass --ran';

/** Rows whose requests are forged, but well-formed. They are judged before all others that are forged. */
export const ORDINARY: readonly string[] = ['other-secret', 'altered-byte'];

/** Sends requests for the rows, and judges their answers and runs. */
export class Probe {
  readonly sender: Sender;
  readonly reference: Reference;
  readonly target: Target;
  readonly runs: Runs | undefined;
  readonly failBody: string | undefined;
  readonly pauseMs: number;
  readonly timeoutMs: number;
  readonly leaks: LeakWatch;
  /** What was odd about the answers to forgeries, for the rows about answers. */
  readonly oddAnswers: OddAnswer[] = [];
  /** Whether a genuine delivery was accepted. `undefined` before the first one. */
  genuineIsAccepted: boolean | undefined;
  slowestMs = 0;
  requests = 0;
  row = '';

  constructor(input: ProbeInput) {
    this.sender = input.sender;
    this.reference = input.reference;
    this.target = input.target;
    this.runs = input.runs;
    this.failBody = input.failBody;
    this.pauseMs = input.pauseMs;
    this.timeoutMs = input.timeoutMs;
    this.leaks = new LeakWatch(input.sender);
  }

  /** How long the sender waits for an answer, as far as a check can wait. */
  get limitSeconds(): number {
    return Math.min(this.sender.scheme.delivery.timeoutSeconds ?? 10, 10);
  }

  async send(delivery: Delivery, how: How = {}): Promise<Answer> {
    this.requests += 1;
    const hasBody = delivery.method !== 'GET' && delivery.method !== 'HEAD';
    const answer = await exchange(
      this.target,
      { ...delivery, path: pathOf(delivery, this.target.url) },
      { timeoutMs: this.timeoutMs, ...(hasBody ? {} : { framing: 'none' as const }), ...how },
    );
    this.leaks.watch(this.row, delivery, answer);
    return answer;
  }

  /** Judges a delivery that a right receiver accepts and runs once. */
  async accepted(delivery: Delivery | undefined, how: How = {}): Promise<Finding> {
    if (!this.sender.canSign) return notJudged(NO_SIGNING);
    if (delivery === undefined || !(await this.reference.accepts(delivery))) return undefined;
    if (this.genuineIsAccepted === false) return notJudged('no plain genuine delivery was accepted');
    const answer = await this.send(delivery, how);
    if (kindOf(answer) !== 'accepted') {
      await this.runs?.since(0);
      return fault(describe(answer));
    }
    this.slowestMs = Math.max(this.slowestMs, answer.ms);
    return this.ranExactly(1, describe(answer));
  }

  /** Judges requests of which a right receiver accepts none. Those that it would accept, because the sender does not sign what was changed, are left out. */
  async refused(...requests: readonly (Delivery | undefined)[]): Promise<Finding> {
    const forged: Delivery[] = [];
    for (const request of requests)
      if (request !== undefined && isSendable(request) && !(await this.reference.accepts(request)))
        forged.push(request);
    if (forged.length === 0) return undefined;
    const answers: Answer[] = [];
    for (const request of forged) answers.push(await this.send(request));
    return this.judgeRefusals(answers);
  }

  /** Judges the answers to requests that must not run. */
  async judgeRefusals(answers: readonly Answer[]): Promise<Finding> {
    const runs = await this.runs?.since(0);
    const texts = [...new Set(answers.map(describe))].join(', ');
    const accepted = answers.filter((answer) => kindOf(answer) === 'accepted');
    if (runs !== undefined && runs > 0) return fault(`${texts}; ${ran(runs)}`);
    if (accepted.length > 0 && runs === undefined) return fault(`${texts}; runs were not counted`);
    for (const answer of answers) this.#note(answer);
    if (this.genuineIsAccepted === false) return notJudged(NO_GENUINE);
    return ok(runs === undefined ? `${texts}; runs not judged` : `${texts}; ${ran(0)}`);
  }

  /** Like {@link refused}, for requests that make receivers fail: an error of the server is a fault of the row itself. */
  async refusedCleanly(...requests: readonly (Delivery | undefined)[]): Promise<Finding> {
    const before = this.oddAnswers.length;
    const finding = await this.refused(...requests);
    if (finding === undefined || finding.verdict === 'fault' || this.failsOnForgeries) return finding;
    const crash = this.oddAnswers.slice(before).find(({ kind }) => kind === 'crashed' || kind === 'silent');
    return crash === undefined ? finding : fault(crash.seen);
  }

  /** Whether even an ordinary forgery makes the receiver fail: then that is the fault, and not what is special about a request. */
  get failsOnForgeries(): boolean {
    return this.oddAnswers.some(
      ({ row, kind }) => ORDINARY.includes(row) && (kind === 'crashed' || kind === 'silent'),
    );
  }

  /** Compares the runs with what is right, if they are counted. */
  async ranExactly(expected: number, seen: string): Promise<Finding> {
    const runs = await this.runs?.since(expected);
    if (runs === undefined) return ok(`${seen}; runs not judged`);
    return runs === expected ? ok(`${seen}; ${ran(runs)}`) : fault(`${seen}, but ${ran(runs)}`);
  }

  /** The reason why a row about runs can't be judged, if there is one. */
  get noRuns(): Finding {
    if (!this.sender.canSign) return notJudged(NO_SIGNING);
    if (this.genuineIsAccepted === false) return notJudged('no genuine delivery was accepted');
    return this.runs === undefined ? notJudged(NO_RUNS) : undefined;
  }

  /** The reason why a row that needs genuine deliveries can't be judged, if there is one. */
  get noGenuine(): Finding {
    if (!this.sender.canSign) return notJudged(NO_SIGNING);
    return this.genuineIsAccepted === false ? notJudged('no genuine delivery was accepted') : undefined;
  }

  #note(answer: Answer): void {
    const kind = kindOf(answer);
    if (kind !== 'refused' || answer.status === 410)
      this.oddAnswers.push({ row: this.row, kind, seen: describe(answer) });
  }
}
