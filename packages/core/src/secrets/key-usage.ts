import type { SetKey } from './set-key.ts';

/** How often a key has matched, and when it last did. */
export interface KeyUse {
  readonly matches: number;
  /** Milliseconds since the epoch. */
  readonly lastMatchAt: number | undefined;
}

interface Counter {
  readonly fingerprint: string;
  matches: number;
  lastMatchAt: number | undefined;
}

const UNUSED: KeyUse = { matches: 0, lastMatchAt: undefined };

/** Counts matches per key. Only keys of the set are counted, so requests can't make it grow. */
export class KeyUsage {
  #counters = new Map<string, Counter>();

  /** Continues to count keys that stay, whatever their role is now. An id that now belongs to another key starts again at 0. */
  follow<K>(keys: readonly SetKey<K>[]): void {
    const before = this.#counters;
    this.#counters = new Map();
    for (const { id, fingerprint } of keys) {
      const counter = before.get(id);
      const kept =
        counter?.fingerprint === fingerprint ? counter : { fingerprint, matches: 0, lastMatchAt: undefined };
      this.#counters.set(id, kept);
    }
  }

  count(id: string, now: number): void {
    const counter = this.#counters.get(id);
    if (counter === undefined) return;
    counter.matches++;
    counter.lastMatchAt = now;
  }

  /** Ids of the keys that matched. */
  get matched(): readonly string[] {
    return [...this.#counters].filter(([, { matches }]) => matches > 0).map(([id]) => id);
  }

  of(id: string): KeyUse {
    return this.#counters.get(id) ?? UNUSED;
  }
}
