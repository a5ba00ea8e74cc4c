import { Horizon, type HorizonTerms, type ReplayEntry } from './horizon.ts';

// One per distinct lifetime: a handful in practice. Lifetimes that a caller computes anew each time must not make one each,
// because a lookup asks them all.
const EXACT_HORIZONS = 32;

/** One part of a store's keys, small enough that no step on it takes long. */
export class ReplayShard {
  #horizons: Horizon[] = [];

  get horizons(): readonly Horizon[] {
    return this.#horizons;
  }

  /** What is held of a key, and where. */
  find(key: string): { horizon: Horizon; entry: ReplayEntry } | undefined {
    for (const horizon of this.#horizons) {
      const entry = horizon.get(key);
      if (entry !== undefined) return { horizon, entry };
    }
    return undefined;
  }

  /** Adds a key that no horizon holds. */
  add(key: string, entry: ReplayEntry, terms: HorizonTerms): void {
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

  #horizonOf(terms: HorizonTerms): Horizon {
    const exact = this.#horizons.find((horizon) => sameTerms(horizon, terms));
    if (exact !== undefined) return exact;
    const wanted = this.#horizons.length < EXACT_HORIZONS ? terms : roundedUp(terms);
    const known = this.#horizons.find((horizon) => sameTerms(horizon, wanted));
    if (known !== undefined) return known;
    const horizon = new Horizon(wanted);
    this.#horizons.push(horizon);
    return horizon;
  }
}

function sameTerms(a: HorizonTerms, b: HorizonTerms): boolean {
  return a.lifeMs === b.lifeMs && a.guardMs === b.guardMs && a.committed === b.committed;
}

// Kept longer than asked for, never shorter.
function roundedUp(terms: HorizonTerms): HorizonTerms {
  return { committed: terms.committed, guardMs: powerOfTwo(terms.guardMs), lifeMs: powerOfTwo(terms.lifeMs) };
}

function powerOfTwo(ms: number): number {
  return ms === 0 ? 0 : 2 ** Math.ceil(Math.log2(ms));
}
