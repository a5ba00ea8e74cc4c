import {
  type AnySimulatedSender,
  FORGERIES,
  type Forgery,
  forge,
  sendForged,
} from '@countersign-internal/simulator';

const TICK_MS = 20;
/** On a slow machine the forger waits too. */
const MOST_UNDERWAY = 60;

/** What came of one kind of forgery. */
export interface ForgeryCount {
  sent: number;
  /** Refused with a status. */
  refused: number;
  /** Answered with a success. Right for a replay: the delivery was handled before, and is not handled again. */
  succeeded: number;
}

/** Someone without the secrets who sends all the same: made up, altered, stale, replayed, and stuffed with signatures. */
export class Forger {
  readonly #senders: readonly AnySimulatedSender[];
  readonly #counts = new Map<Forgery, ForgeryCount>(
    FORGERIES.map((kind) => [kind, { sent: 0, refused: 0, succeeded: 0 }]),
  );
  readonly #refusedAt = new Map<unknown, number>();
  readonly #underway = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(senders: readonly AnySimulatedSender[]) {
    this.#senders = senders;
  }

  get counts(): ReadonlyMap<Forgery, Readonly<ForgeryCount>> {
    return this.#counts;
  }

  /** How many forgeries of one sender's deliveries were refused. */
  refusedAt(sender: AnySimulatedSender): number {
    return this.#refusedAt.get(sender.account) ?? 0;
  }

  start(perSecond: number): void {
    const started = performance.now();
    let due = 0;
    this.#timer = setInterval(() => {
      const wanted = Math.floor(((performance.now() - started) / 1000) * perSecond);
      for (; due < wanted; due++) this.#attack();
    }, TICK_MS);
  }

  /** Resolves when the last response is here. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underway);
  }

  #attack(): void {
    // Seven kinds and ten endpoints have no common divisor: each kind comes to each endpoint in turn.
    if (this.#underway.size >= MOST_UNDERWAY) return;
    const number = this.#next++;
    const sender = this.#senders[number % this.#senders.length];
    const kind = FORGERIES[number % FORGERIES.length];
    const count = kind && this.#counts.get(kind);
    if (sender === undefined || kind === undefined || count === undefined) return;
    // Two kinds need a genuine delivery to start from.
    if (sender.captured().length === 0) return;
    // GitHub signs no time: what was captured longer ago than a receiver remembers is beyond what any receiver can tell.
    if (sender.vendor === 'github' && kind === 'stale-replay') return;
    count.sent++;
    const attack = sendForged(forge(sender, kind)).then((answer) => {
      if (typeof answer === 'number' && answer >= 200 && answer < 400) count.succeeded++;
      else if (typeof answer === 'number') {
        count.refused++;
        this.#refusedAt.set(sender.account, (this.#refusedAt.get(sender.account) ?? 0) + 1);
      }
      this.#underway.delete(attack);
    });
    this.#underway.add(attack);
  }
}
