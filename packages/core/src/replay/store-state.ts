import type { Clock } from '../clock.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { memoryReplayStore } from './memory-replay-store.ts';
import { UnwrittenCommits } from './pending-commits.ts';
import type { ReplayStore } from './replay-store.ts';

// Some 30 MB at most: what a process handles in the minutes of an outage, not what its store remembers.
const LOCAL_ENTRIES = 100_000;

/** What this process knows of a store that others use too. */
export interface StoreWatch {
  readonly breaker: CircuitBreaker;
  readonly unwritten: UnwrittenCommits;
  /** Where deliveries are claimed while the store is out of reach. */
  readonly local: ReplayStore;
  lastError: Error | undefined;
}

const watches = new WeakMap<ReplayStore, StoreWatch>();

/** Verifiers with the same store share what they know of it. The first one's clock counts. */
export function watchOf(store: ReplayStore, clock: Clock): StoreWatch {
  let watch = watches.get(store);
  if (watch === undefined) {
    watch = {
      breaker: new CircuitBreaker(clock),
      unwritten: new UnwrittenCommits(clock),
      local: memoryReplayStore({ clock, maxEntries: LOCAL_ENTRIES }),
      lastError: undefined,
    };
    watches.set(store, watch);
  }
  return watch;
}
