import type { Clock } from '../clock.ts';
import { warnOfSetup } from '../warnings.ts';
import { isWebhookError } from '../webhook-error.ts';
import type { CallOutcome, CircuitState, Pass } from './circuit-breaker.ts';
import type { ClaimResult, ClaimToken, ReplayStore, ReplayStoreHealth } from './replay-store.ts';
import { isOutage, openCircuitError, overdueError, storeError } from './store-error.ts';
import type { StoreWatch } from './store-state.ts';

/** What a store is asked. */
export type StoreOperation = 'claim' | 'renew' | 'commit' | 'release';

/** What happens between a verifier and its store. */
export type StoreEvent =
  | { readonly type: 'store-failed'; readonly operation: StoreOperation; readonly error: unknown }
  | { readonly type: 'store-down'; readonly error: unknown }
  | { readonly type: 'store-up' | 'claimed-locally' | 'committed' };

export interface GuardSettings {
  readonly clock: Clock;
  readonly leaseMs: number;
  /** How long a claim is waited for: a sender waits behind it. */
  readonly claimTimeoutMs: number;
  /** How long everything else is waited for. */
  readonly callTimeoutMs: number;
  readonly observe: ((event: StoreEvent) => void) | undefined;
}

/** The replay store as this process knows it. */
export interface ReplayHealth extends ReplayStoreHealth {
  /**
   * `open`: claims fail at once since the store did not answer; `half-open`: the next delivery finds out whether it is back.
   * Absent where the store lives in this process.
   */
  readonly circuit?: CircuitState;
  /** How many calls failed since the last one that was answered. */
  readonly failures?: number;
  /** When the first of them failed. */
  readonly failingSince?: Date | undefined;
  /** Deliveries that this process has handled and the store doesn't know of yet. */
  readonly unwritten?: number;
}

interface Commit {
  readonly key: string;
  /** `undefined`: claimed without the store. */
  token: ClaimToken | undefined;
  readonly options: { ttlMs: number; replayWindowMs: number };
  /** Whether an earlier try ended without an answer: it may have been written all the same. */
  doubtful: boolean;
}

type TimesKept = Commit['options'];

/**
 * A store that may be out of reach. Each call has a deadline. Claims, which senders wait for, fail at once while the circuit is
 * open; renewals, commits and releases, which nobody waits for, are always tried. A commit is tried until it is written.
 */
export class GuardedStore implements ReplayStore {
  readonly #store: ReplayStore;
  readonly #watch: StoreWatch;
  readonly #settings: GuardSettings;

  constructor(store: ReplayStore, watch: StoreWatch, settings: GuardSettings) {
    this.#store = store;
    this.#watch = watch;
    this.#settings = settings;
  }

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    const { breaker, unwritten, lastError } = this.#watch;
    if (unwritten.has(key)) return { state: 'committed' };
    const pass = breaker.enter();
    if (pass === undefined) throw openCircuitError(lastError);
    return this.#claim(key, options, pass, this.#settings.claimTimeoutMs);
  }

  renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    return this.#ask('renew', () => this.#store.renew(key, token, leaseMs));
  }

  release(key: string, token: ClaimToken): Promise<boolean> {
    return this.#ask('release', () => this.#store.release(key, token));
  }

  /** Gives what the store says once it does. Rejects after a lease without an answer; the tries go on behind it. */
  async commit(key: string, token: ClaimToken, options: TimesKept): Promise<boolean> {
    const commit: Commit = { key, token, options, doubtful: false };
    try {
      return (await this.#write(commit)) === true;
    } catch (error) {
      if (!isOutage(error)) throw error;
      const { leaseMs, observe } = this.#settings;
      return this.#keepWriting(commit, leaseMs, () => observe?.({ type: 'committed' }), error);
    }
  }

  /** Lets the store know of a delivery that was claimed without it and is handled. Nobody waits for that. */
  record(key: string, options: TimesKept): void {
    const commit: Commit = { key, token: undefined, options, doubtful: false };
    this.#keepWriting(commit, options.ttlMs, () => undefined).catch(() => undefined);
  }

  health(): ReplayHealth {
    const { breaker, unwritten } = this.#watch;
    const { failures, failingSince, state } = breaker;
    const { name = 'custom', warnings = [], ...own } = this.#store.health?.() ?? {};
    return {
      ...own,
      name,
      circuit: state,
      failures,
      failingSince: failingSince === undefined ? undefined : new Date(failingSince),
      unwritten: unwritten.size,
      warnings: [...warnings, ...this.#warnings(name)],
    };
  }

  #warnings(name: string): string[] {
    const { breaker, unwritten, lastError } = this.#watch;
    const warnings: string[] = [];
    if (breaker.failingSince !== undefined) {
      const since = new Date(breaker.failingSince).toISOString();
      warnings.push(
        `The replay store "${name}" has failed since ${since} (calls: ${breaker.failures}). ${lastError?.message}`,
      );
    }
    if (unwritten.size > 0) {
      warnings.push(
        `The replay store "${name}" does not know of ${unwritten.size} handled deliveries: until it does, other instances may run them again.`,
      );
    }
    return warnings;
  }

  #keepWriting(commit: Commit, patienceMs: number, late: () => void, error?: unknown): Promise<boolean> {
    const { ttlMs } = commit.options;
    const write = () => this.#write(commit);
    return this.#watch.unwritten.add(commit.key, { write, ttlMs, patienceMs, late, error });
  }

  /** @returns Whether the delivery counts as handled by this run; `undefined`: a claim of it is held at the moment. */
  async #write(commit: Commit): Promise<boolean | undefined> {
    const { key, token, options, doubtful } = commit;
    try {
      if (token !== undefined) {
        if (await this.#commit(key, token, options)) return true;
        if (!doubtful) return false;
      }
      // Claimed without the store, or the store was away since: then it may have taken an earlier try, or forgotten the claim.
      const claim = { leaseMs: this.#settings.leaseMs, fenceTtlMs: options.ttlMs };
      const { breaker } = this.#watch;
      const found = await this.#claim(key, claim, breaker.enterUrgently(), this.#settings.callTimeoutMs);
      if (found.state === 'committed') return true;
      if (found.state === 'in-progress') return undefined;
      commit.token = found.token;
      return await this.#commit(key, found.token, options);
    } catch (error) {
      commit.doubtful = true;
      throw error;
    }
  }

  #commit(key: string, token: ClaimToken, options: TimesKept): Promise<boolean> {
    return this.#ask('commit', () => this.#store.commit(key, token, options));
  }

  #claim(
    key: string,
    options: { leaseMs: number; fenceTtlMs: number },
    pass: Pass,
    timeoutMs: number,
  ): Promise<ClaimResult> {
    // Nobody would settle a claim that comes too late: given back, it does not hold up the sender's retry.
    const giveBack = async (late: ClaimResult) => {
      if (late.state === 'claimed') await this.#store.release(key, late.token);
    };
    return this.#ask('claim', () => this.#store.claim(key, options), pass, timeoutMs, giveBack);
  }

  #ask<T>(
    operation: StoreOperation,
    call: () => Promise<T>,
    pass: Pass = this.#watch.breaker.enterUrgently(),
    timeoutMs: number = this.#settings.callTimeoutMs,
    late?: (answer: T) => Promise<void>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      let waiting = true;
      const fail = (error: unknown, outcome: CallOutcome) => {
        if (!waiting) return;
        waiting = false;
        cancelDeadline();
        reject(this.#failed(operation, pass, error, outcome));
      };
      const cancelDeadline = this.#settings.clock.schedule(
        () => fail(overdueError(timeoutMs), 'overdue'),
        timeoutMs,
      );
      const answered = (answer: T) => {
        if (!waiting) {
          late?.(answer).catch(() => undefined);
          return;
        }
        waiting = false;
        cancelDeadline();
        this.#answered(pass);
        resolve(answer);
      };
      try {
        call().then(answered, (error) => fail(error, outcomeOf(error)));
      } catch (error) {
        fail(error, outcomeOf(error));
      }
    });
  }

  #answered(pass: Pass): void {
    const { breaker, unwritten } = this.#watch;
    if (breaker.leave(pass, 'answered') !== 'up') return;
    this.#settings.observe?.({ type: 'store-up' });
    unwritten.hurry();
  }

  #failed(operation: StoreOperation, pass: Pass, error: unknown, outcome: CallOutcome): Error {
    const { observe } = this.#settings;
    const shown = storeError(error);
    if (isOutage(error)) {
      this.#watch.lastError = shown;
      observe?.({ type: 'store-failed', operation, error });
    }
    if (this.#watch.breaker.leave(pass, outcome) === 'down') {
      if (observe === undefined) warnOfSetup(shown);
      else observe({ type: 'store-down', error });
    }
    return shown;
  }
}

function outcomeOf(error: unknown): CallOutcome {
  if (isOutage(error)) return 'failed';
  // A full store is at work; a mistake of the caller's may not even have reached it.
  return isWebhookError(error) && error.code === 'ERR_WEBHOOK_STORE_FULL' ? 'answered' : 'untold';
}
