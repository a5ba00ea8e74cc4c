import { type Clock, systemClock } from '../util/clock.ts';
import { checkKeys, checkNumber, configError } from '../util/options.ts';
import { WebhookError } from '../webhook-error.ts';
import {
  type ExpiryQueue,
  type ExpiryTerms,
  type ReplayEntry,
  ReplayShard,
  type UncommittedClaim,
} from './replay-shard.ts';
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
   * How many deliveries the store remembers at most. Each takes less than 300 bytes, allocated only when needed. Default: 1,000,000.
   */
  maxEntries?: number;
  /** Default: the machine's own clock. */
  clock?: Clock;
}

const DEFAULT_ENTRIES = 1_000_000;
// Growing and copying a map of this many entries takes a millisecond or two at most.
const ENTRIES_PER_SHARD = 4096;
// Each claim adds at most one entry. It also sweeps this many shards, and removes this many expired entries of each lifetime at most.
const SWEPT_SHARDS = 2;
const SWEPT_ENTRIES = 8;
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

class MemoryReplayStore implements ReplayStore {
  static is(store: object): boolean {
    return #maxEntries in store;
  }

  readonly #maxEntries: number;
  readonly #clock: Clock;
  readonly #shards: (ReplayShard | undefined)[];
  #entries = 0;
  #sweepNext = 0;
  // The highest fencing token that was forgotten early. New keys start above it, so no key's fencing token ever goes down.
  #fenceFloor = 0;

  constructor(maxEntries: number, clock: Clock) {
    this.#maxEntries = maxEntries;
    this.#clock = clock;
    const shards = 2 ** Math.ceil(Math.log2(Math.max(1, maxEntries / ENTRIES_PER_SHARD)));
    this.#shards = new Array<ReplayShard | undefined>(shards).fill(undefined);
  }

  // Each method does all its work before its first await, so it is one atomic step.

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    checkReplayKey(key);
    const { leaseMs, fenceTtlMs } = checkClaimTimes(options);
    const now = this.#clock.monotonic();
    this.#sweep(now);
    const shard = this.#shardOf(key);
    const found = this.#find(shard, key, now);
    let fencingToken = this.#fenceFloor + 1;
    if (found !== undefined) {
      const { entry } = found;
      if (typeof entry === 'number') return { state: 'committed' };
      const leaseLeftMs = entry.since + entry.leaseMs - now;
      if (leaseLeftMs > 0) return { state: 'in-progress', retryAfterMs: Math.max(1, Math.ceil(leaseLeftMs)) };
      fencingToken = entry.fencingToken + 1;
      this.#remove(found.queue, key);
    } else if (this.#entries >= this.#maxEntries) {
      this.#makeRoom(now);
      fencingToken = this.#fenceFloor + 1;
    }
    const owner = claimOwner();
    this.#addClaim(shard, key, { fencingToken, owner, since: now, leaseMs, fenceTtlMs });
    return { state: 'claimed', token: { fencingToken, owner } };
  }

  async renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    checkReplayKey(key);
    checkDuration('leaseMs', leaseMs);
    const now = this.#clock.monotonic();
    const shard = this.#shardOf(key);
    const claim = this.#takeOut(shard, key, token, now);
    if (claim === undefined) return false;
    this.#addClaim(shard, key, { ...claim, since: now, leaseMs });
    return true;
  }

  async commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean> {
    checkReplayKey(key);
    const { ttlMs, replayWindowMs } = checkCommitTimes(options);
    const now = this.#clock.monotonic();
    const shard = this.#shardOf(key);
    if (this.#takeOut(shard, key, token, now) === undefined) return false;
    this.#add(shard, key, now, { committed: true, replayWindowMs, lifeMs: ttlMs });
    return true;
  }

  async release(key: string, token: ClaimToken): Promise<boolean> {
    checkReplayKey(key);
    const now = this.#clock.monotonic();
    const shard = this.#shardOf(key);
    const claim = this.#takeOut(shard, key, token, now);
    if (claim === undefined) return false;
    this.#addClaim(shard, key, { ...claim, owner: undefined, since: now, leaseMs: 0 });
    return true;
  }

  async forget(key: string): Promise<boolean> {
    checkReplayKey(key);
    const found = this.#find(this.#shardOf(key), key, this.#clock.monotonic());
    if (typeof found?.entry !== 'number') return false;
    this.#remove(found.queue, key);
    return true;
  }

  health(): ReplayStoreHealth {
    const entries = this.#entries;
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

  #shardOf(key: string): ReplayShard {
    const index = hash(key) % this.#shards.length;
    let shard = this.#shards[index];
    if (shard === undefined) {
      shard = new ReplayShard();
      this.#shards[index] = shard;
    }
    return shard;
  }

  /** The entry of a key. An expired entry counts as absent, and is removed. */
  #find(
    shard: ReplayShard,
    key: string,
    now: number,
  ): { queue: ExpiryQueue; entry: ReplayEntry } | undefined {
    const found = shard.find(key);
    if (found === undefined || !found.queue.isExpired(found.entry, now)) return found;
    this.#remove(found.queue, key);
    return undefined;
  }

  /** Removes the uncommitted claim that this token holds, and returns it. */
  #takeOut(shard: ReplayShard, key: string, token: ClaimToken, now: number): UncommittedClaim | undefined {
    const found = this.#find(shard, key, now);
    if (found === undefined || typeof found.entry === 'number') return undefined;
    const { owner, fencingToken } = found.entry;
    if (owner === undefined || owner !== token.owner || fencingToken !== token.fencingToken) return undefined;
    this.#remove(found.queue, key);
    return found.entry;
  }

  #addClaim(shard: ReplayShard, key: string, claim: UncommittedClaim): void {
    const { leaseMs, fenceTtlMs } = claim;
    this.#add(shard, key, claim, { committed: false, replayWindowMs: leaseMs, lifeMs: leaseMs + fenceTtlMs });
  }

  #add(shard: ReplayShard, key: string, entry: ReplayEntry, terms: ExpiryTerms): void {
    shard.add(key, entry, terms);
    this.#entries++;
  }

  #remove(queue: ExpiryQueue, key: string): void {
    queue.delete(key);
    this.#entries--;
  }

  #sweep(now: number): void {
    for (let left = Math.min(SWEPT_SHARDS, this.#shards.length); left > 0; left--) {
      this.#entries -= this.#shards[this.#sweepNext]?.sweep(now, SWEPT_ENTRIES) ?? 0;
      this.#sweepNext = (this.#sweepNext + 1) % this.#shards.length;
    }
  }

  /** Forgets the one entry that is least needed. Looks only at the oldest entry of each queue. */
  #makeRoom(now: number): void {
    let least: ExpiryQueue | undefined;
    for (const shard of this.#shards) {
      for (const queue of shard?.queues ?? []) {
        if (queue.oldest + queue.replayWindowMs > now) continue;
        if (least === undefined || isNeededLess(queue, least, now)) least = queue;
      }
    }
    if (least === undefined) {
      throw new WebhookError(
        'ERR_WEBHOOK_STORE_FULL',
        `The memory replay store holds ${this.#maxEntries} entries, and none of them may be forgotten yet. ` +
          'Raise "maxEntries" or use a shared store.',
      );
    }
    const forgotten = least.shift();
    this.#entries--;
    if (typeof forgotten !== 'object' || least.isExpired(forgotten, now)) return;
    this.#fenceFloor = Math.max(this.#fenceFloor, forgotten.fencingToken);
  }
}

/** Whether the oldest entry of queue `a` should be forgotten before the oldest entry of queue `b`. */
function isNeededLess(a: ExpiryQueue, b: ExpiryQueue, now: number): boolean {
  const difference = rank(a, now) - rank(b, now);
  return difference === 0 ? a.oldest < b.oldest : difference < 0;
}

function rank(queue: ExpiryQueue, now: number): number {
  if (queue.oldest + queue.lifeMs <= now) return 0;
  return queue.committed ? 2 : 1;
}

// FNV-1a over all characters, folded, so that keys that differ in only one character are still spread over the shards.
function hash(key: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    value = Math.imul(value ^ key.charCodeAt(index), 0x01000193);
  }
  return (value ^ (value >>> 16)) >>> 0;
}
