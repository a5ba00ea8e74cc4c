import {
  type ClaimResult,
  type ClaimToken,
  type Clock,
  memoryReplayStore,
  type ReplayStore,
} from '@countersign/core';

/** A real memory store that tells what it was asked, and fails where a case wants it to. */
export class ProbeStore implements ReplayStore {
  readonly calls: { readonly step: 'claim' | 'renew' | 'commit' | 'release'; readonly key: string }[] = [];
  /** Thrown by the steps named here, instead of doing them. */
  readonly failures = new Map<'claim' | 'renew' | 'commit' | 'release', Error>();
  readonly #store: ReplayStore;

  constructor(clock: Clock, maxEntries = 10_000) {
    this.#store = memoryReplayStore({ clock, maxEntries });
  }

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    this.#record('claim', key);
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

  /** How often one step was asked for. */
  count(step: 'claim' | 'renew' | 'commit' | 'release'): number {
    return this.calls.filter((call) => call.step === step).length;
  }

  #record(step: 'claim' | 'renew' | 'commit' | 'release', key: string): void {
    this.calls.push({ step, key });
    const failure = this.failures.get(step);
    if (failure !== undefined) throw failure;
  }
}
