import { type Clock, systemClock } from '../util/clock.ts';
import { checkKeys, checkNumber, configError } from '../util/options.ts';
import { WebhookError } from '../webhook-error.ts';
import { fingerprintOf, MemoryRecords, type RecordTerms } from './memory-records.ts';
import {
  type ClaimResult,
  type ClaimToken,
  checkClaimTimes,
  checkCommitTimes,
  checkDuration,
  checkReplayKey,
  claimOwner,
  type ReplayStore,
  type ReplayStoreHealth,
} from './replay-store.ts';

/** Options of {@link memoryReplayStore}. */
export interface MemoryReplayStoreOptions {
  /**
   * How many deliveries the store remembers at most. Each takes about 60 bytes, allocated only when needed. Default: 1,000,000.
   */
  maxEntries?: number;
  /** Default: the machine's own clock. */
  clock?: Clock;
}

const DEFAULT_ENTRIES = 1_000_000;
// Each claim adds at most one record, and removes at most this many that have expired.
const REMOVED_PER_CLAIM = 16;
const NEARLY_FULL = 0.8;

/**
 * A replay store in the memory of this process.
 *
 * **It serves one process.** A restart forgets every delivery, and other instances don't know about them. If your app has more than one
 * instance, use a store that they share.
 *
 * It grows as deliveries arrive and shrinks as they expire, in small steps with each claim, without timers. When it has `maxEntries`, it
 * makes room for a new delivery: it forgets expired entries first, then released and lapsed claims, then the oldest committed
 * deliveries that are past their `replayWindowMs`. A late retry of one of those may run again, but a captured copy can't. It never
 * forgets an active claim or a committed delivery within its window: if nothing else is left, it refuses the new claim.
 *
 * Its methods throw `ERR_WEBHOOK_CONFIG_INVALID` for an empty key and for times that aren't positive; `claim()` throws
 * `ERR_WEBHOOK_STORE_FULL`.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme, secrets, replay: memoryReplayStore({ maxEntries: 200_000 }) })
 * ```
 */
export function memoryReplayStore(options: MemoryReplayStoreOptions = {}): ReplayStore {
  options = checkKeys('memoryReplayStore()', options, ['maxEntries', 'clock']);
  const maxEntries = checkNumber('maxEntries', options.maxEntries, {
    min: 1,
    max: 100_000_000,
    fallback: DEFAULT_ENTRIES,
  });
  if (!Number.isInteger(maxEntries)) throw configError('"maxEntries" must be a whole number.');
  const clock = options.clock ?? systemClock;
  if (typeof clock.monotonic !== 'function') throw configError('"clock" must be a clock with monotonic().');
  return new MemoryReplayStore(maxEntries, clock);
}

/** Whether a store is a memory store itself, and so can't fail. A wrapper around one may fail. */
export function isMemoryStore(store: ReplayStore): boolean {
  return MemoryReplayStore.is(store);
}

/** A claim that is neither committed nor released: held, or lapsed. */
interface HeldClaim {
  readonly owner: string;
  readonly leaseMs: number;
  readonly fenceTtlMs: number;
}

class MemoryReplayStore implements ReplayStore {
  static is(store: object): boolean {
    return #records in store;
  }

  readonly #maxEntries: number;
  readonly #clock: Clock;
  readonly #records: MemoryRecords;
  /** The claims that are neither committed nor released, by the number of their record. */
  readonly #held = new Map<number, HeldClaim>();
  // The highest fencing token that was forgotten early. New keys start above it, so no key's fencing token ever goes down.
  #fenceFloor = 0;

  constructor(maxEntries: number, clock: Clock) {
    this.#maxEntries = maxEntries;
    this.#clock = clock;
    this.#records = new MemoryRecords(maxEntries);
  }

  // Each method does all its work before its first await, so it is one atomic step.

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    checkReplayKey(key);
    const { leaseMs, fenceTtlMs } = checkClaimTimes(options);
    const records = this.#records;
    const now = this.#clock.monotonic();
    for (const record of records.expired(now, REMOVED_PER_CLAIM)) this.#remove(record);
    const terms = heldTerms(leaseMs, fenceTtlMs);
    const print = fingerprintOf(key);
    let record = this.#unexpired(records.find(print), now);
    let fencingToken: number;
    if (record === undefined) {
      if (records.size >= this.#maxEntries) this.#makeRoom(now);
      fencingToken = this.#fenceFloor + 1;
      record = records.add(print, terms, now, fencingToken);
    } else {
      if (records.isCommitted(record)) return { state: 'committed' };
      const held = this.#held.get(record);
      const leaseLeftMs = held === undefined ? 0 : records.since(record) + held.leaseMs - now;
      if (leaseLeftMs > 0) return { state: 'in-progress', retryAfterMs: Math.max(1, Math.ceil(leaseLeftMs)) };
      fencingToken = records.fencingToken(record) + 1;
      records.move(record, terms, now, fencingToken);
    }
    const owner = claimOwner();
    this.#held.set(record, { owner, leaseMs, fenceTtlMs });
    return { state: 'claimed', token: { fencingToken, owner } };
  }

  async renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    checkReplayKey(key);
    checkDuration('leaseMs', leaseMs);
    return this.#change(key, token, (record, now, { owner, fenceTtlMs }) => {
      this.#records.move(record, heldTerms(leaseMs, fenceTtlMs), now);
      this.#held.set(record, { owner, leaseMs, fenceTtlMs });
    });
  }

  async commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean> {
    checkReplayKey(key);
    const { ttlMs, replayWindowMs } = checkCommitTimes(options);
    return this.#change(key, token, (record, now) => {
      this.#held.delete(record);
      this.#records.move(record, { committed: true, replayWindowMs, lifeMs: ttlMs }, now);
    });
  }

  async release(key: string, token: ClaimToken): Promise<boolean> {
    checkReplayKey(key);
    return this.#change(key, token, (record, now, { fenceTtlMs }) => {
      this.#held.delete(record);
      this.#records.move(record, { committed: false, replayWindowMs: 0, lifeMs: fenceTtlMs }, now);
    });
  }

  async forget(key: string): Promise<boolean> {
    const record = this.#find(checkReplayKey(key), this.#clock.monotonic());
    if (record === undefined || !this.#records.isCommitted(record)) return false;
    this.#remove(record);
    return true;
  }

  health(): ReplayStoreHealth {
    const entries = this.#records.size;
    const maxEntries = this.#maxEntries;
    const warnings: string[] = [];
    if (entries >= maxEntries * NEARLY_FULL) {
      const percent = Math.floor((entries / maxEntries) * 100);
      warnings.push(
        `The memory replay store is ${percent} % full (${entries} of ${maxEntries} entries). When it is full, late retries may run ` +
          'again or deliveries get 503. Raise "maxEntries" or use a shared store.',
      );
    }
    return { name: 'memory', entries, maxEntries, warnings };
  }

  /** Changes the claim that this token holds. */
  #change(
    key: string,
    token: ClaimToken,
    change: (record: number, now: number, held: HeldClaim) => void,
  ): boolean {
    const now = this.#clock.monotonic();
    const record = this.#find(key, now);
    if (record === undefined) return false;
    const held = this.#held.get(record);
    if (held === undefined || held.owner !== token.owner) return false;
    if (this.#records.fencingToken(record) !== token.fencingToken) return false;
    change(record, now, held);
    return true;
  }

  #find(key: string, now: number): number | undefined {
    return this.#unexpired(this.#records.find(fingerprintOf(key)), now);
  }

  /** The record, unless it has expired: then it counts as absent, and is removed. */
  #unexpired(record: number | undefined, now: number): number | undefined {
    if (record === undefined || !this.#records.isExpired(record, now)) return record;
    this.#remove(record);
    return undefined;
  }

  #remove(record: number): void {
    this.#held.delete(record);
    this.#records.delete(record);
  }

  #makeRoom(now: number): void {
    const records = this.#records;
    const record = records.leastNeeded(now);
    if (record === undefined) {
      throw new WebhookError(
        'ERR_WEBHOOK_STORE_FULL',
        `The memory replay store holds ${this.#maxEntries} entries, and none of them may be forgotten yet. ` +
          'Raise "maxEntries" or use a shared store.',
      );
    }
    if (!records.isCommitted(record) && !records.isExpired(record, now))
      this.#fenceFloor = Math.max(this.#fenceFloor, records.fencingToken(record));
    this.#remove(record);
  }
}

function heldTerms(leaseMs: number, fenceTtlMs: number): RecordTerms {
  return { committed: false, replayWindowMs: leaseMs, lifeMs: leaseMs + fenceTtlMs };
}
