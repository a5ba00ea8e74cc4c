import { type Clock, memoryReplayStore, type ReplayStore } from '@countersign/core';
import type { ClaimResult, ClaimToken } from '@countersign/core/extend';

type ReplayStep = 'claim' | 'renew' | 'commit' | 'release' | 'forget';

/** A real memory store that records its calls, and fails or waits if a case asks for it. */
export class ProbeStore implements ReplayStore {
  readonly calls: { readonly step: ReplayStep; readonly key: string }[] = [];
  /** The steps with an error here throw it instead of running. */
  readonly failures = new Map<ReplayStep, Error>();
  /** Claims wait for this promise. */
  claimGate: Promise<void> | undefined;
  readonly #store: ReplayStore;

  constructor(clock: Clock, maxEntries = 10_000) {
    this.#store = memoryReplayStore({ clock, maxEntries });
  }

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    this.#record('claim', key);
    await this.claimGate;
    return this.#store.claim(key, options);
  }

  async renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    this.#record('renew', key);
    return this.#store.renew(key, token, leaseMs);
  }

  async commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean> {
    this.#record('commit', key);
    return this.#store.commit(key, token, options);
  }

  async release(key: string, token: ClaimToken): Promise<boolean> {
    this.#record('release', key);
    return this.#store.release(key, token);
  }

  async forget(key: string): Promise<boolean> {
    this.#record('forget', key);
    return this.#store.forget(key);
  }

  /** How often one step was called. */
  count(step: ReplayStep): number {
    return this.calls.filter((call) => call.step === step).length;
  }

  #record(step: ReplayStep, key: string): void {
    this.calls.push({ step, key });
    const failure = this.failures.get(step);
    if (failure !== undefined) throw failure;
  }
}
