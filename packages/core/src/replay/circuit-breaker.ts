import type { Clock } from '../util/clock.ts';

/**
 * `closed`: every call is made. `open`: claims fail at once. `half-open`: a call is testing whether the store is back, or the next one
 * will.
 */
export type CircuitState = 'closed' | 'open' | 'half-open';

/** Permission for one call. `probe`: tests whether the store is back. `urgent`: allowed while the circuit is open. */
export type Pass = 'call' | 'probe' | 'urgent';

/** How a call ended. `unknown`: it failed for a reason that says nothing about the store. */
export type CallOutcome = 'responded' | 'failed' | 'unknown';

// A store counts as down if nearly all of its last calls failed. If only some failed, the part that keeps other keys may be down.
const WINDOW_CALLS = 20;
const WINDOW_MS = 60_000;
const MIN_FAILURES = 5;
const DOWN_RATE = 0.9;
// Time between two probes: half of the time that the store has been down so far, within these bounds.
const MIN_PROBE_MS = 250;
const MAX_PROBE_MS = 3000;

/**
 * Remembers whether one partition of a store responds, so that requests don't wait for a dead one. It opens by the rate of failures
 * among the last calls, never by a single call. While it is open, single claims test the store, at intervals that don't depend on how
 * earlier tests ended. So the wait for the next test is at most half of the time that the store was down, or 250 ms if that is longer.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #calls: { readonly at: number; readonly failed: boolean }[] = [];
  #failures = 0;
  #failingSince: number | undefined;
  #lastError: Error | undefined;
  // Monotonic; `undefined` while it is closed.
  #openSince: number | undefined;
  #nextProbeAt = 0;
  #probes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): CircuitState {
    if (this.#openSince === undefined) return 'closed';
    return this.#probes > 0 || this.#clock.monotonic() >= this.#nextProbeAt ? 'half-open' : 'open';
  }

  /** How many calls have failed since the store last responded. */
  get failures(): number {
    return this.#failures;
  }

  /** When the first of those failed, by the wall clock. */
  get failingSince(): number | undefined {
    return this.#failingSince;
  }

  /** How the last of those failed. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** Permission for a call that a request waits for; `undefined`: fail at once. Report the end of each call with {@link leave}. */
  enter(): Pass | undefined {
    if (this.#openSince === undefined) return 'call';
    const now = this.#clock.monotonic();
    if (now < this.#nextProbeAt) return undefined;
    this.#probes += 1;
    this.#planProbe(now);
    return 'probe';
  }

  /** Permission for a call that no request waits for and that must be made. */
  enterUrgently(): Pass {
    return this.enter() ?? 'urgent';
  }

  /**
   * Reports how a call ended.
   * @returns Whether the partition went down or came back with this call.
   */
  leave(pass: Pass, outcome: CallOutcome, error?: Error): 'down' | 'up' | undefined {
    if (pass === 'probe') this.#probes -= 1;
    if (outcome === 'responded') return this.#responded(pass);
    if (outcome === 'failed') return this.#failed(error);
    if (pass === 'probe') this.#probeSoon();
    return undefined;
  }

  #responded(pass: Pass): 'up' | undefined {
    const wasOpen = this.#openSince !== undefined;
    if (wasOpen && pass !== 'probe') {
      // The store responds, but perhaps to a call from before it went down: the next call tests it.
      this.#probeSoon();
      return undefined;
    }
    if (wasOpen) this.#calls.length = 0;
    this.#note(false);
    this.#failures = 0;
    this.#failingSince = undefined;
    this.#lastError = undefined;
    this.#openSince = undefined;
    return wasOpen ? 'up' : undefined;
  }

  #failed(error: Error | undefined): 'down' | undefined {
    this.#note(true);
    this.#failures += 1;
    this.#failingSince ??= this.#clock.now();
    this.#lastError = error;
    if (this.#openSince !== undefined || !this.#isDown()) return undefined;
    this.#openSince = this.#clock.monotonic();
    this.#planProbe(this.#openSince);
    return 'down';
  }

  #note(failed: boolean): void {
    this.#calls.push({ at: this.#clock.monotonic(), failed });
    if (this.#calls.length > WINDOW_CALLS) this.#calls.shift();
  }

  #isDown(): boolean {
    const since = this.#clock.monotonic() - WINDOW_MS;
    let calls = 0;
    let failures = 0;
    for (const { at, failed } of this.#calls) {
      if (at < since) continue;
      calls += 1;
      if (failed) failures += 1;
    }
    return failures >= MIN_FAILURES && failures >= calls * DOWN_RATE;
  }

  /** With jitter: instances that lost the store together don't all test it at the same time. */
  #planProbe(now: number): void {
    const downMs = now - (this.#openSince ?? now);
    const waitMs = Math.min(MAX_PROBE_MS, Math.max(MIN_PROBE_MS, downMs / 2));
    this.#nextProbeAt = now + waitMs * (0.5 + Math.random() / 2);
  }

  #probeSoon(): void {
    this.#nextProbeAt = Math.min(this.#nextProbeAt, this.#clock.monotonic());
  }
}
