import { LRUCache } from 'lru-cache';

// There is one queue per distinct lifetime: only a few in practice. A caller that computes a new lifetime each time must not get a new
// queue each time, because a lookup searches all queues.
const EXACT_QUEUES = 32;

/** One part of a store's keys, small enough that no step on it takes long. */
export class ReplayShard {
  #queues: ExpiryQueue[] = [];

  get queues(): readonly ExpiryQueue[] {
    return this.#queues;
  }

  /** The entry of a key, and its queue. */
  find(key: string): { queue: ExpiryQueue; entry: ReplayEntry } | undefined {
    for (const queue of this.#queues) {
      const entry = queue.get(key);
      if (entry !== undefined) return { queue, entry };
    }
    return undefined;
  }

  /** Adds a key that no queue contains. */
  add(key: string, entry: ReplayEntry, terms: ExpiryTerms): void {
    this.#queueFor(terms).add(key, entry);
  }

  /** Removes at most `limit` expired entries of each queue, and returns how many it removed. */
  sweep(now: number, limit: number): number {
    let dropped = 0;
    let idle = false;
    for (const queue of this.#queues) {
      for (let left = limit; left > 0 && queue.isExpired(queue.oldest, now); left--) {
        queue.shift();
        dropped++;
      }
      if (queue.isIdle(now)) idle = true;
    }
    if (idle) this.#queues = this.#queues.filter((queue) => !queue.isIdle(now));
    return dropped;
  }

  #queueFor(terms: ExpiryTerms): ExpiryQueue {
    const exact = this.#queueOf(terms);
    if (exact !== undefined) return exact;
    const wanted = this.#queues.length < EXACT_QUEUES ? terms : roundedUp(terms);
    const known = this.#queueOf(wanted);
    if (known !== undefined) return known;
    const queue = new ExpiryQueue(wanted);
    this.#queues.push(queue);
    return queue;
  }

  #queueOf({ lifeMs, replayWindowMs, committed }: ExpiryTerms): ExpiryQueue | undefined {
    for (const queue of this.#queues) {
      if (queue.lifeMs === lifeMs && queue.replayWindowMs === replayWindowMs && queue.committed === committed)
        return queue;
    }
    return undefined;
  }
}

// Entries may live longer than the caller asked for, but never shorter.
function roundedUp(terms: ExpiryTerms): ExpiryTerms {
  return {
    committed: terms.committed,
    replayWindowMs: powerOfTwo(terms.replayWindowMs),
    lifeMs: powerOfTwo(terms.lifeMs),
  };
}

function powerOfTwo(ms: number): number {
  return ms === 0 ? 0 : 2 ** Math.ceil(Math.log2(ms));
}

/** A claim that is not committed: held, lapsed, or released (without an owner). */
export interface UncommittedClaim {
  readonly fencingToken: number;
  readonly owner: string | undefined;
  /** When it was claimed, renewed or released; monotonic milliseconds. */
  readonly since: number;
  /** 0 once released. */
  readonly leaseMs: number;
  readonly fenceTtlMs: number;
}

/** For a committed delivery, only the time of its commit: most entries are committed deliveries, and this saves memory. */
export type ReplayEntry = number | UncommittedClaim;

/** How long the entries of one queue live. */
export interface ExpiryTerms {
  readonly committed: boolean;
  /** After that, an entry may be forgotten if room is needed. */
  readonly replayWindowMs: number;
  /** After that, an entry counts as absent. */
  readonly lifeMs: number;
}

// Below this many slots, compacting frees nothing worth the work.
const SMALL_QUEUE = 64;

/**
 * Entries of one store that live equally long, oldest first. Time only goes forward, so entries expire in the order in which they
 * were added: expired entries are at the head.
 */
export class ExpiryQueue implements ExpiryTerms {
  readonly committed: boolean;
  readonly replayWindowMs: number;
  readonly lifeMs: number;
  #entries = orderedMap();
  // The arrays of an LRUCache never shrink: this is how long they are.
  #slots = 0;
  // Reading the head costs an iterator, so it is read once per head.
  #oldest: number | undefined;
  #lastAdded = 0;

  constructor(terms: ExpiryTerms) {
    this.committed = terms.committed;
    this.replayWindowMs = terms.replayWindowMs;
    this.lifeMs = terms.lifeMs;
  }

  /** When its oldest entry was added; infinity if it is empty. */
  get oldest(): number {
    if (this.#oldest === undefined) {
      const key = this.#head();
      const entry = key === undefined ? undefined : this.#entries.peek(key);
      this.#oldest = entry === undefined ? Number.POSITIVE_INFINITY : timeOf(entry);
    }
    return this.#oldest;
  }

  get(key: string): ReplayEntry | undefined {
    return this.#entries.peek(key);
  }

  /** Adds a key that is not in the queue. */
  add(key: string, entry: ReplayEntry): void {
    this.#lastAdded = timeOf(entry);
    if (this.#entries.size === 0) this.#oldest = this.#lastAdded;
    this.#entries.set(key, entry);
    this.#slots = Math.max(this.#slots, this.#entries.size);
  }

  delete(key: string): void {
    const entry = this.#entries.peek(key);
    if (entry === undefined) return;
    if (timeOf(entry) === this.#oldest) this.#oldest = undefined;
    this.#entries.delete(key);
    if (this.#slots > SMALL_QUEUE && this.#entries.size < this.#slots / 4) this.#compact();
  }

  /** Removes the oldest entry and returns it. */
  shift(): ReplayEntry | undefined {
    const key = this.#head();
    if (key === undefined) return undefined;
    const entry = this.#entries.peek(key);
    this.delete(key);
    return entry;
  }

  isExpired(entry: ReplayEntry, now: number): boolean {
    return timeOf(entry) + this.lifeMs <= now;
  }

  /** Whether it has been empty for a whole lifetime, so that its terms are probably no longer in use. */
  isIdle(now: number): boolean {
    return this.#entries.size === 0 && this.isExpired(this.#lastAdded, now);
  }

  #head(): string | undefined {
    for (const key of this.#entries.rkeys()) return key;
    return undefined;
  }

  #compact(): void {
    const kept = orderedMap();
    this.#entries.rforEach((entry, key) => kept.set(key, entry));
    this.#entries = kept;
    this.#slots = kept.size;
  }
}

/** When an entry was last changed. */
function timeOf(entry: ReplayEntry): number {
  return typeof entry === 'number' ? entry : entry.since;
}

// The store decides what may be forgotten, so the LRUCache must never evict by itself. `max` would do too, but LRUCache allocates memory
// for it in advance; `maxSize` is only compared.
function orderedMap(): LRUCache<string, ReplayEntry> {
  return new LRUCache({ maxSize: Number.MAX_SAFE_INTEGER, sizeCalculation: () => 1 });
}
