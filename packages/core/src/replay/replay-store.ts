import * as crypto from 'node:crypto';
import { createHash, randomBytes } from 'node:crypto';
import { configError } from '../util/options.ts';

/**
 * Where claims of deliveries are kept. Every call is one atomic step, and the store measures times by its own clock.
 *
 * States of a key: absent → claimed (lease, fencing token, owner) → committed or released. When a lease is over, the next claim takes
 * over with a higher fencing token. Released and lapsed records keep their fencing token for `fenceTtlMs`.
 *
 * A call may hang if the server does: the verifier owns the deadline of each call, and releases a claim that comes too late.
 */
export interface ReplayStore {
  /**
   * Claims the delivery, or returns why it can't.
   *
   * @param options.leaseMs How long the claim lasts if it is not renewed.
   * @param options.fenceTtlMs How long a released or lapsed record keeps its fencing token.
   */
  claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult>;
  /** Extends the lease to `leaseMs` from now. Resolves to `false` if this token no longer holds the claim. */
  renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean>;
  /**
   * Ends the claim for good: the key counts as handled for `ttlMs`. This also works if the lease is over, as long as no other run has
   * claimed the key. Resolves to `false` if this token no longer holds the claim.
   *
   * @param options.ttlMs How long the key counts as handled, in milliseconds.
   * @param options.replayWindowMs How long a captured copy would still be accepted if the key were forgotten, in milliseconds; at most
   * `ttlMs`.
   */
  commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean>;
  /** Ends the claim, so that the next delivery with this key runs. Resolves to `false` if this token no longer holds the claim. */
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
   * at once only for keys of a part that is down. Without this method, the store has one part. It is called for every claim, so it must
   * be cheap.
   */
  partitionOf?(key: string): string;
  /** The state of the store, for operators. */
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

/** The state of a replay store, for operators. */
export interface ReplayStoreHealth {
  name: string;
  /** How many deliveries it remembers, if it has a limit. */
  entries?: number;
  maxEntries?: number;
  /** What is wrong, or soon will be, and what to do about it: whole sentences. */
  warnings: readonly string[];
}

/**
 * Checks the key that a replay store is called with, and returns it.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if it is not a non-empty string.
 * @example
 * ```ts
 * async forget(key: string): Promise<boolean> {
 *   return this.#remove(checkReplayKey(key))
 * }
 * ```
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
 * Makes the owner of a new claim: 128 random bits as text.
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

/**
 * Returns the SHA-256 of a replay key: 32 bytes for a key of any length.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if the key is not a non-empty string.
 * @example
 * ```ts
 * const name = `webhook:${replayKeyDigest(key).toString('base64url')}`
 * ```
 */
export function replayKeyDigest(key: unknown): Buffer {
  return createHash('sha256').update(checkReplayKey(key)).digest();
}

/**
 * Checks a duration that a replay store is called with, in milliseconds, and returns it.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if it is not a finite number above 0.
 * @example
 * ```ts
 * checkDuration('leaseMs', leaseMs)
 * ```
 */
export function checkDuration(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw configError(`"${name}" must be a number of milliseconds above 0.`);
}

/**
 * Checks the times of a claim, and returns them.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if a time is not a finite number above 0.
 * @example
 * ```ts
 * const { leaseMs, fenceTtlMs } = checkClaimTimes(options)
 * ```
 */
export function checkClaimTimes(options: { leaseMs: number; fenceTtlMs: number }): {
  leaseMs: number;
  fenceTtlMs: number;
} {
  return {
    leaseMs: checkDuration('leaseMs', options.leaseMs),
    fenceTtlMs: checkDuration('fenceTtlMs', options.fenceTtlMs),
  };
}

/**
 * Checks the times of a commit, and returns them.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if a time is not a finite number above 0, or if `replayWindowMs` is more than `ttlMs`.
 * @example
 * ```ts
 * const { ttlMs, replayWindowMs } = checkCommitTimes(options)
 * ```
 */
export function checkCommitTimes(options: { ttlMs: number; replayWindowMs: number }): {
  ttlMs: number;
  replayWindowMs: number;
} {
  const ttlMs = checkDuration('ttlMs', options.ttlMs);
  const replayWindowMs = checkDuration('replayWindowMs', options.replayWindowMs);
  if (replayWindowMs > ttlMs) throw configError('"replayWindowMs" must be at most "ttlMs".');
  return { ttlMs, replayWindowMs };
}

/**
 * The SHA-256 of a text, as text. Not every host has the function for a single call; it costs half as much, and a tenth of a digest that
 * is a Buffer.
 */
export const sha256: (text: string, encoding: 'base64url' | 'binary') => string =
  typeof crypto.hash === 'function'
    ? (text, encoding) => crypto.hash('sha256', text, encoding)
    : (text, encoding) => crypto.createHash('sha256').update(text).digest(encoding);
