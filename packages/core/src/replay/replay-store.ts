/**
 * Where claims of deliveries live. Every call is one atomic step, and time is the store's own.
 *
 * States of a key: absent → claimed (lease, fencing token, owner) → committed or released. When a lease is over, the next claim takes over
 * with a higher fencing token. Released and lapsed records keep their fencing token for `fenceTtlMs`.
 */
export interface ReplayStore {
  /**
   * Takes the delivery, or says why not.
   *
   * @param options.leaseMs How long the claim holds without being renewed.
   * @param options.fenceTtlMs How long a released or lapsed record keeps its fencing token.
   */
  claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult>;
  /** Extends the lease from now. `false`: the claim is no longer this token's. */
  renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean>;
  /**
   * Ends the claim for good: the key counts as handled for `ttlMs`. Works also when the lease just ended and nobody took over.
   * `replayWindowMs` (at most `ttlMs`) is how long forgetting it would reopen a replay.
   */
  commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean>;
  /** Gives the claim back, so that the next delivery runs. */
  release(key: string, token: ClaimToken): Promise<boolean>;
  /** What an operator should know of the store. */
  health?(): ReplayStoreHealth;
}

/** What a store says to a claim. */
export type ClaimResult =
  | { state: 'claimed'; token: ClaimToken }
  | { state: 'in-progress'; retryAfterMs: number }
  | { state: 'committed' };

/** Proof of a claim: both parts must match, so that a flushed or failed-over store can't confuse two runs. */
export interface ClaimToken {
  /** Fencing token: rises with every claim of the same key. */
  fencingToken: number;
  /** 128 random bits, as text. */
  owner: string;
}

/** How full a bounded store is. */
export interface ReplayStoreHealth {
  name: string;
  entries?: number;
  maxEntries?: number;
  /** Sentences for the operator. */
  warnings: readonly string[];
}
