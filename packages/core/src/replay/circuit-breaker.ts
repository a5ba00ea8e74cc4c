import type { Clock } from '../util/clock.ts';

/** `closed`: every call is made. `open`: claims fail at once. `half-open`: the next call finds out whether the store is back. */
export type CircuitState = 'closed' | 'open' | 'half-open';

/** Leave for one call. `probe`: the one that finds out. `urgent`: one that is made although the circuit is open. */
export type Pass = 'call' | 'probe' | 'urgent';

/** What came of a call. `untold`: it failed for a reason that says nothing of the store. */
export type CallOutcome = 'answered' | 'failed' | 'overdue' | 'untold';

const FAILURES_IN_A_ROW = 5;
const COOLDOWN_BASE_MS = 1000;
const COOLDOWN_CAP_MS = 30_000;

/**
 * Remembers whether a store answers, so that a dead one costs requests nothing. It opens after five failures in a row, or one
 * call that got no answer in time; after a cooldown one call goes through, and closes it or opens it for longer.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  #failures = 0;
  #failingSince: number | undefined;
  #openings = 0;
  // Monotonic; `undefined` while it is closed.
  #openUntil: number | undefined;
  #probing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): CircuitState {
    if (this.#openUntil === undefined) return 'closed';
    return this.#probing || this.#clock.monotonic() >= this.#openUntil ? 'half-open' : 'open';
  }

  /** How many calls failed since the last one that was answered. */
  get failures(): number {
    return this.#failures;
  }

  /** When the first of those failed, by the wall clock. */
  get failingSince(): number | undefined {
    return this.#failingSince;
  }

  /** Leave for a call; `undefined`: it fails at once. Whoever gets one must {@link leave}. */
  enter(): Pass | undefined {
    if (this.#openUntil === undefined) return 'call';
    if (this.#probing || this.#clock.monotonic() < this.#openUntil) return undefined;
    this.#probing = true;
    return 'probe';
  }

  /** Leave for a call that nobody waits for and that must not be missed. */
  enterUrgently(): Pass {
    return this.enter() ?? 'urgent';
  }

  /** @returns Whether the store went down or came back with this call. */
  leave(pass: Pass, outcome: CallOutcome): 'down' | 'up' | undefined {
    if (pass === 'probe') this.#probing = false;
    if (outcome === 'untold') return undefined;
    return outcome === 'answered' ? this.#answered(pass) : this.#failed(pass, outcome === 'overdue');
  }

  #answered(pass: Pass): 'up' | undefined {
    if (this.#openUntil !== undefined && pass !== 'probe') {
      // A sign of life, but perhaps of a call from before: the next one finds out.
      this.#openUntil = Math.min(this.#openUntil, this.#clock.monotonic());
      return undefined;
    }
    const wasOpen = this.#openUntil !== undefined;
    this.#failures = 0;
    this.#failingSince = undefined;
    this.#openings = 0;
    this.#openUntil = undefined;
    return wasOpen ? 'up' : undefined;
  }

  #failed(pass: Pass, overdue: boolean): 'down' | undefined {
    this.#failures += 1;
    this.#failingSince ??= this.#clock.now();
    if (this.#openUntil !== undefined) {
      if (pass === 'probe') this.#open();
      return undefined;
    }
    if (!overdue && this.#failures < FAILURES_IN_A_ROW) return undefined;
    this.#open();
    return 'down';
  }

  /** Full jitter: instances that lost the store together don't all ask again at once. */
  #open(): void {
    const cooldownMs = Math.min(COOLDOWN_CAP_MS, COOLDOWN_BASE_MS * 2 ** this.#openings);
    this.#openings += 1;
    this.#openUntil = this.#clock.monotonic() + Math.random() * cooldownMs;
  }
}
