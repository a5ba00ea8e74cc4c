import { ExpiryQueue, type ExpiryTerms, type ReplayEntry } from './expiry-queue.ts';

// One queue per distinct lifetime: a handful in practice. If a caller computes a new lifetime each time, it must not get a queue each,
// because a lookup asks all of them.
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

  /** Removes at most `limit` expired entries of each queue. @returns How many. */
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
    const exact = this.#queues.find((queue) => sameTerms(queue, terms));
    if (exact !== undefined) return exact;
    const wanted = this.#queues.length < EXACT_QUEUES ? terms : roundedUp(terms);
    const known = this.#queues.find((queue) => sameTerms(queue, wanted));
    if (known !== undefined) return known;
    const queue = new ExpiryQueue(wanted);
    this.#queues.push(queue);
    return queue;
  }
}

function sameTerms(a: ExpiryTerms, b: ExpiryTerms): boolean {
  return a.lifeMs === b.lifeMs && a.replayWindowMs === b.replayWindowMs && a.committed === b.committed;
}

// Longer than the caller asked for, never shorter.
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
