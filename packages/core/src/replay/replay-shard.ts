import { ExpiryQueue, type ExpiryTerms, type ReplayEntry } from './expiry-queue.ts';

// One per distinct lifetime: a handful in practice. Lifetimes that a caller computes anew each time must not make one each,
// because a lookup asks them all.
const EXACT_HORIZONS = 32;

/** One part of a store's keys, small enough that no step on it takes long. */
export class ReplayShard {
  #horizons: ExpiryQueue[] = [];

  get horizons(): readonly ExpiryQueue[] {
    return this.#horizons;
  }

  /** What is held of a key, and where. */
  find(key: string): { horizon: ExpiryQueue; entry: ReplayEntry } | undefined {
    for (const horizon of this.#horizons) {
      const entry = horizon.get(key);
      if (entry !== undefined) return { horizon, entry };
    }
    return undefined;
  }

  /** Adds a key that no horizon holds. */
  add(key: string, entry: ReplayEntry, terms: ExpiryTerms): void {
    this.#horizonOf(terms).add(key, entry);
  }

  /** Drops at most `limit` expired entries of each horizon, and gives how many. */
  sweep(now: number, limit: number): number {
    let dropped = 0;
    let idle = false;
    for (const horizon of this.#horizons) {
      for (let left = limit; left > 0 && horizon.isExpired(horizon.oldest, now); left--) {
        horizon.shift();
        dropped++;
      }
      if (horizon.isIdle(now)) idle = true;
    }
    if (idle) this.#horizons = this.#horizons.filter((horizon) => !horizon.isIdle(now));
    return dropped;
  }

  #horizonOf(terms: ExpiryTerms): ExpiryQueue {
    const exact = this.#horizons.find((horizon) => sameTerms(horizon, terms));
    if (exact !== undefined) return exact;
    const wanted = this.#horizons.length < EXACT_HORIZONS ? terms : roundedUp(terms);
    const known = this.#horizons.find((horizon) => sameTerms(horizon, wanted));
    if (known !== undefined) return known;
    const horizon = new ExpiryQueue(wanted);
    this.#horizons.push(horizon);
    return horizon;
  }
}

function sameTerms(a: ExpiryTerms, b: ExpiryTerms): boolean {
  return a.lifeMs === b.lifeMs && a.replayWindowMs === b.replayWindowMs && a.committed === b.committed;
}

// Kept longer than asked for, never shorter.
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
