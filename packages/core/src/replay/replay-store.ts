import { createHash, randomBytes } from 'node:crypto';
import { configError } from '../util/options.ts';

/**
 * Where claims of deliveries are kept. Every call is one atomic step, and time is the store's own.
 *
 * States of a key: absent → claimed (lease, fencing token, owner) → committed or released. When a lease is over, the next claim takes
 * over with a higher fencing token. Released and lapsed records keep their fencing token for `fenceTtlMs`.
 *
 * A call may hang if the server does: the verifier owns the deadline of each call, and releases a claim that comes too late.
 */
export interface ReplayStore {
  /**
   * Claims the delivery, or says why it can't.
   *
   * @param options.leaseMs How long the claim holds without being renewed.
   * @param options.fenceTtlMs How long a released or lapsed record keeps its fencing token.
   */
  claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult>;
  /** Extends the lease, counted from now. `false`: this token no longer holds the claim. */
  renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean>;
  /**
   * Ends the claim for good: the key counts as handled for `ttlMs`. Works also if the lease is over and nobody else has claimed the key.
   * `replayWindowMs` (at most `ttlMs`) is how long a captured copy would still be accepted if the key were forgotten.
   */
  commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean>;
  /** Gives the claim back, so that the next delivery runs. */
  release(key: string, token: ClaimToken): Promise<boolean>;
  /**
   * Forgets a committed delivery, so that the next delivery with this key runs. An uncommitted claim stays as it is, because its
   * handler may be running.
   *
   * @returns Whether a committed delivery was forgotten.
   */
  forget(key: string): Promise<boolean>;
  /**
   * The name of the part of the store that keeps this key, for example a node of a cluster. Parts can fail one by one: claims fail
   * at once only for keys of a part that is down. Without this method the store has one part. Called for every claim, so it must be cheap.
   */
  partitionOf?(key: string): string;
  /** What an operator should know about the store. */
  health?(): ReplayStoreHealth;
}

/** What a store returns for a claim. */
export type ClaimResult =
  | { state: 'claimed'; token: ClaimToken }
  | { state: 'in-progress'; retryAfterMs: number }
  | { state: 'committed' };

/** Proof of a claim: both parts must match, so that a flushed or failed-over store can't confuse two runs. */
export interface ClaimToken {
  /** Rises with every claim of the same key. */
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

/**
 * Checks the key that a replay store is called with. For authors of replay stores.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if it is not a non-empty string.
 */
export function checkReplayKey(key: unknown): string {
  if (typeof key === 'string' && key !== '') return key;
  throw configError('A replay key must be a non-empty string.');
}

const OWNER_BYTES = 16;
// One call for random bytes costs as much as a small MAC, whether it returns 16 bytes or a few thousand.
const POOL_BYTES = 256 * OWNER_BYTES;

let pool: Buffer = Buffer.alloc(0);
let used = 0;

/**
 * The owner of a claim: 128 random bits as text, different with every call. For authors of replay stores.
 *
 * @example
 * ```ts
 * const token: ClaimToken = { fencingToken: 1, owner: claimOwner() }
 * ```
 */
export function claimOwner(): string {
  if (used === pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  const owner = pool.toString('base64url', used, used + OWNER_BYTES);
  used += OWNER_BYTES;
  return owner;
}

/** A replay key of any length as 32 bytes: its SHA-256. */
export function replayKeyDigest(key: unknown): Buffer {
  return createHash('sha256').update(checkReplayKey(key)).digest();
}

/** A duration that a replay store is called with: a finite number of milliseconds above 0. */
export function checkDuration(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw configError(`"${name}" must be a number of milliseconds above 0.`);
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for times that are not positive. */
export function checkClaimTimes(options: { leaseMs: number; fenceTtlMs: number }): {
  leaseMs: number;
  fenceTtlMs: number;
} {
  return {
    leaseMs: checkDuration('leaseMs', options.leaseMs),
    fenceTtlMs: checkDuration('fenceTtlMs', options.fenceTtlMs),
  };
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for times that are not positive, and for a replay window that outlasts the record. */
export function checkCommitTimes(options: { ttlMs: number; replayWindowMs: number }): {
  ttlMs: number;
  replayWindowMs: number;
} {
  const ttlMs = checkDuration('ttlMs', options.ttlMs);
  const replayWindowMs = checkDuration('replayWindowMs', options.replayWindowMs);
  if (replayWindowMs > ttlMs) throw configError('"replayWindowMs" must be at most "ttlMs".');
  return { ttlMs, replayWindowMs };
}
