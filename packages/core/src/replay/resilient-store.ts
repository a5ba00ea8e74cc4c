import type { Reporter } from '../events.ts';
import type { Clock } from '../util/clock.ts';
import { configError } from '../util/options.ts';
import { withDeadline } from '../util/promises.ts';
import { warnOfSetup } from '../util/warnings.ts';
import { isWebhookError } from '../webhook-error.ts';
import type { CallOutcome, CircuitBreaker, CircuitState, Pass } from './circuit-breaker.ts';
import type { ClaimResult, ClaimToken, ReplayStore, ReplayStoreHealth } from './replay-store.ts';
import { isOutage, isStalled, openCircuitError, overdueError, storeError } from './store-error.ts';
import type { StoreState } from './store-state.ts';

/** The calls of a store. */
export type StoreOperation = 'claim' | 'renew' | 'commit' | 'release' | 'forget';

/** What happens between a verifier and its store. */
export type StoreEvent =
  | { readonly type: 'store-failed'; readonly operation: StoreOperation; readonly error: unknown }
  | { readonly type: 'store-down'; readonly partition?: string; readonly error: unknown }
  | { readonly type: 'store-up'; readonly partition?: string }
  | { readonly type: 'claimed-locally' };

export interface ResilienceSettings {
  readonly clock: Clock;
  readonly leaseMs: number;
  /** The deadline of a claim, which a sender waits for. */
  readonly claimTimeoutMs: number;
  /** The deadline of all other calls. */
  readonly callTimeoutMs: number;
  readonly reporter: Reporter<StoreEvent>;
}

/** The state of the replay store, as this process sees it. */
export interface ReplayHealth extends ReplayStoreHealth {
  /**
   * `open`: claims fail at once because the store is down. `half-open`: the next delivery tests whether it is back. If the store has
   * several partitions: the state of the worst one. Absent if the store is in this process.
   */
  readonly circuit?: CircuitState;
  /** How many calls have failed since the store last responded. */
  readonly failures?: number;
  /** When the first of those failed. */
  readonly failingSince?: Date | undefined;
  /** Names of the partitions that are down, for example nodes of a cluster. */
  readonly partitionsDown?: readonly string[];
  /** Deliveries that this process has handled but the store has not recorded yet. */
  readonly pendingCommits?: number;
}

interface Commit {
  readonly key: string;
  /** `undefined`: claimed without the store. */
  token: ClaimToken | undefined;
  readonly options: { ttlMs: number; replayWindowMs: number };
  /** Whether an earlier try ended without a response: the store may have written it nevertheless. */
  inDoubt: boolean;
}

type Retention = Commit['options'];

/** What a claim passes to the store in addition. */
export interface CommitOptions extends Retention {
  /** Called if the store accepts the commit after the call has failed. */
  readonly writtenLate?: (() => void) | undefined;
}

/** The permission for one call, and the circuit to which its end is reported. */
interface Entry {
  readonly partition: string;
  readonly circuit: CircuitBreaker;
  readonly pass: Pass;
}

interface Call<T> {
  readonly operation: StoreOperation;
  readonly make: () => Promise<T>;
  readonly timeoutMs?: number;
  /** Receives a result that comes too late. */
  readonly late?: (result: T) => Promise<unknown>;
}

/**
 * A store that may be down. Each call has a deadline. Claims, which senders wait for, fail at once while the circuit of their
 * partition is open; no sender waits for renewals, commits and releases, so they are always tried. A commit is tried until it is written.
 */
export class ResilientStore implements ReplayStore {
  readonly #store: ReplayStore;
  readonly #state: StoreState;
  readonly #settings: ResilienceSettings;

  constructor(store: ReplayStore, state: StoreState, settings: ResilienceSettings) {
    this.#store = store;
    this.#state = state;
    this.#settings = settings;
  }

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    if (this.#state.pending.has(key)) return { state: 'committed' };
    const partition = this.#state.partitionOf(key);
    const circuit = this.#state.circuitOf(partition);
    const pass = circuit.enter();
    if (pass === undefined) throw openCircuitError(circuit.lastError);
    return this.#claim(key, options, { partition, circuit, pass }, this.#settings.claimTimeoutMs);
  }

  renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    return this.#ask(this.#enterUrgently(key), {
      operation: 'renew',
      make: () => this.#store.renew(key, token, leaseMs),
    });
  }

  release(key: string, token: ClaimToken): Promise<boolean> {
    return this.#ask(this.#enterUrgently(key), {
      operation: 'release',
      make: () => this.#store.release(key, token),
    });
  }

  /** Resolves when the store has recorded it. Rejects if it has not within one lease; the commit is still tried in the background. */
  async commit(
    key: string,
    token: ClaimToken,
    { writtenLate = () => undefined, ...options }: CommitOptions,
  ): Promise<boolean> {
    const commit: Commit = { key, token, options, inDoubt: false };
    try {
      return (await this.#write(commit)) === true;
    } catch (error) {
      if (!isOutage(error)) throw error;
      return this.#keepWriting(commit, this.#settings.leaseMs, writtenLate, error);
    }
  }

  /** Also drops a commit that the store has not recorded yet. */
  async forget(key: string): Promise<boolean> {
    const { forget } = this.#store as Partial<ReplayStore>;
    if (typeof forget !== 'function')
      throw configError('The replay store has no forget(key). Add it to the store.');
    const dropped = this.#state.pending.drop(key);
    const forgotten = await this.#ask(this.#enterUrgently(key), {
      operation: 'forget',
      make: () => this.#store.forget(key),
    });
    return forgotten || dropped;
  }

  /** Records a handled delivery that was claimed without the store. No caller waits for it. */
  record(key: string, options: Retention): void {
    const commit: Commit = { key, token: undefined, options, inDoubt: false };
    this.#keepWriting(commit, options.ttlMs, () => undefined).catch(() => undefined);
  }

  health(): ReplayHealth {
    const { name = 'custom', warnings = [], ...own } = this.#store.health?.() ?? {};
    const circuits = [...this.#state.circuits];
    const failing = circuits.filter(([, { failingSince }]) => failingSince !== undefined);
    const down = circuits.filter(([, { state }]) => state !== 'closed');
    const since = failing.map(([, { failingSince }]) => failingSince ?? 0);
    const open = down.some(([, { state }]) => state === 'open');
    return {
      ...own,
      name,
      circuit: open ? 'open' : down.length > 0 ? 'half-open' : 'closed',
      failures: failing.reduce((sum, [, { failures }]) => sum + failures, 0),
      failingSince: since.length === 0 ? undefined : new Date(Math.min(...since)),
      partitionsDown: down.map(([partition]) => partition).filter((partition) => partition !== ''),
      pendingCommits: this.#state.pending.size,
      warnings: [...warnings, ...this.#warnings(name, failing)],
    };
  }

  #warnings(name: string, failing: readonly (readonly [string, CircuitBreaker])[]): string[] {
    const warnings = failing.map(([partition, { failures, failingSince = 0, lastError }]) => {
      const part = partition === '' ? '' : `, partition ${partition},`;
      const since = new Date(failingSince).toISOString();
      return `The replay store "${name}"${part} has failed since ${since} (calls: ${failures}). ${lastError?.message}`;
    });
    const { size } = this.#state.pending;
    if (size > 0) {
      warnings.push(
        `The replay store "${name}" has not recorded ${size} handled deliveries yet. Until it does, other instances may run them again.`,
      );
    }
    return warnings;
  }

  /** For calls that no sender waits for: they are made although the circuit is open. */
  #enterUrgently(key: string): Entry {
    const partition = this.#state.partitionOf(key);
    const circuit = this.#state.circuitOf(partition);
    return { partition, circuit, pass: circuit.enterUrgently() };
  }

  #keepWriting(commit: Commit, patienceMs: number, late: () => void, error?: unknown): Promise<boolean> {
    const { key, options } = commit;
    return this.#state.pending.add(key, {
      write: () => this.#write(commit),
      partition: this.#state.partitionOf(key),
      ttlMs: options.ttlMs,
      ...{ patienceMs, late, error },
    });
  }

  /** @returns Whether the delivery counts as handled by this run; `undefined`: another run holds a claim of it at the moment. */
  async #write(commit: Commit): Promise<boolean | undefined> {
    const { key, token, options, inDoubt } = commit;
    try {
      if (token !== undefined) {
        if (await this.#commit(key, token, options)) return true;
        if (!inDoubt) return false;
      }
      // The delivery was claimed without the store, or an earlier try failed: then the store may have written it, or forgotten the claim.
      const claim = { leaseMs: this.#settings.leaseMs, fenceTtlMs: options.ttlMs };
      const found = await this.#claim(key, claim, this.#enterUrgently(key), this.#settings.callTimeoutMs);
      if (found.state === 'committed') return true;
      if (found.state === 'in-progress') return undefined;
      commit.token = found.token;
      return await this.#commit(key, found.token, options);
    } catch (error) {
      commit.inDoubt = true;
      throw error;
    }
  }

  #commit(key: string, token: ClaimToken, options: Retention): Promise<boolean> {
    return this.#ask(this.#enterUrgently(key), {
      operation: 'commit',
      make: () => this.#store.commit(key, token, options),
    });
  }

  #claim(
    key: string,
    options: { leaseMs: number; fenceTtlMs: number },
    entry: Entry,
    timeoutMs: number,
  ): Promise<ClaimResult> {
    return this.#ask(entry, {
      operation: 'claim',
      timeoutMs,
      make: () => this.#store.claim(key, options),
      // No handler runs for a claim that comes too late. It must not hold up the sender's retry.
      late: async (result) => {
        if (result.state === 'claimed') await this.#store.release(key, result.token);
      },
    });
  }

  async #ask<T>(entry: Entry, call: Call<T>): Promise<T> {
    const { operation, make, late, timeoutMs = this.#settings.callTimeoutMs } = call;
    let isStalledCall = false;
    const overdue = (elapsedMs: number) => {
      isStalledCall = isStalled(timeoutMs, elapsedMs);
      return overdueError(timeoutMs, elapsedMs);
    };
    let result: T;
    try {
      result = await withDeadline(make, { timeoutMs, clock: this.#settings.clock, overdue, late });
    } catch (error) {
      throw this.#failed(entry, operation, isStalledCall ? 'unknown' : outcomeOf(error), error);
    }
    this.#responded(entry);
    return result;
  }

  #responded({ circuit, partition, pass }: Entry): void {
    if (circuit.leave(pass, 'responded') !== 'up') return;
    this.#settings.reporter.report?.({ type: 'store-up', ...named(partition) });
    this.#state.pending.hurry();
  }

  #failed(entry: Entry, operation: StoreOperation, outcome: CallOutcome, error: unknown): Error {
    const { circuit, partition, pass } = entry;
    const { reporter } = this.#settings;
    const shown = storeError(error);
    if (isOutage(error)) reporter.report?.({ type: 'store-failed', operation, error });
    if (circuit.leave(pass, outcome, shown) === 'down') {
      if (!reporter.isObserved) warnOfSetup(shown);
      reporter.report?.({ type: 'store-down', error, ...named(partition) });
    }
    return shown;
  }
}

function named(partition: string): { partition?: string } {
  return partition === '' ? {} : { partition };
}

function outcomeOf(error: unknown): CallOutcome {
  if (isOutage(error)) return 'failed';
  // A full store responds. A wrong call may not even have reached the store.
  return isWebhookError(error) && error.code === 'ERR_WEBHOOK_STORE_FULL' ? 'responded' : 'unknown';
}
