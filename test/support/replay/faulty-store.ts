import type { ReplayStore } from '@countersign/core';
import type { ClaimResult, ClaimToken } from '@countersign/core/extend';

/** What the way to a store does to calls. `lose reply`: the store does what it is asked, but its reply is lost. */
export type LinkMode = 'up' | 'refuse' | 'hang' | 'lose reply';
export type Step = 'claim' | 'renew' | 'commit' | 'release' | 'forget';

/** The way from one instance to a store that others use too. */
export class FaultyStore implements ReplayStore {
  mode: LinkMode = 'up';
  /** Steps that the mode spares. */
  readonly spared = new Set<Step>();
  error: unknown = Object.assign(new Error('connect ECONNREFUSED redis://:hunter2@10.0.0.5'), {
    code: 'ECONNREFUSED',
  });
  readonly calls: Step[] = [];
  readonly #server: ReplayStore;
  readonly #hanging = new Map<() => void, Step>();

  constructor(server: ReplayStore) {
    this.#server = server;
  }

  claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    return this.#pass('claim', () => this.#server.claim(key, options));
  }

  renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    return this.#pass('renew', () => this.#server.renew(key, token, leaseMs));
  }

  commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean> {
    return this.#pass('commit', () => this.#server.commit(key, token, options));
  }

  release(key: string, token: ClaimToken): Promise<boolean> {
    return this.#pass('release', () => this.#server.release(key, token));
  }

  forget(key: string): Promise<boolean> {
    return this.#pass('forget', () => this.#server.forget(key));
  }

  count(step: Step): number {
    return this.calls.filter((call) => call === step).length;
  }

  /** How many calls of a step are waiting for their answer. */
  hanging(step: Step): number {
    return [...this.#hanging.values()].filter((hanging) => hanging === step).length;
  }

  /** Everything that hangs reaches the store now, and gets a response. */
  thaw(): void {
    for (const go of this.#hanging.keys()) go();
    this.#hanging.clear();
  }

  async #pass<T>(step: Step, ask: () => Promise<T>): Promise<T> {
    this.calls.push(step);
    const mode = this.spared.has(step) ? 'up' : this.mode;
    if (mode === 'refuse') throw this.error;
    if (mode === 'hang') await new Promise<void>((resolve) => this.#hanging.set(resolve, step));
    const answer = await ask();
    if (mode === 'lose reply') throw this.error;
    return answer;
  }
}
