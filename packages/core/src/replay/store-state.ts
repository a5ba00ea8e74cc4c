import type { Clock } from '../util/clock.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { memoryReplayStore } from './memory-replay-store.ts';
import { PendingCommits } from './pending-commits.ts';
import type { ReplayStore } from './replay-store.ts';

// About 30 MB at most. This need only be enough for what one process handles during an outage of some minutes.
const LOCAL_ENTRIES = 100_000;
// More than any cluster has nodes. The limit keeps addresses of removed nodes from adding up over months.
const MAX_PARTITIONS = 1000;

/** What this process knows about a store that other processes use too. */
export class StoreState {
  readonly pending: PendingCommits;
  /** Where deliveries are claimed while the store is down, with `onStoreError: 'local'`. */
  readonly local: ReplayStore;
  readonly #store: ReplayStore;
  readonly #clock: Clock;
  readonly #circuits = new Map<string, CircuitBreaker>();

  constructor(store: ReplayStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.pending = new PendingCommits(clock);
    this.local = memoryReplayStore({ clock, maxEntries: LOCAL_ENTRIES });
  }

  /** The name of the part of the store that keeps a key; empty if the store doesn't name its parts. */
  partitionOf(key: string): string {
    try {
      return this.#store.partitionOf?.(key) ?? '';
    } catch {
      return '';
    }
  }

  circuitOf(partition: string): CircuitBreaker {
    let circuit = this.#circuits.get(partition);
    if (circuit === undefined) {
      if (this.#circuits.size >= MAX_PARTITIONS) this.#circuits.clear();
      circuit = new CircuitBreaker(this.#clock);
      this.#circuits.set(partition, circuit);
    }
    return circuit;
  }

  /** The circuits of all partitions that were used so far, by name. */
  get circuits(): ReadonlyMap<string, CircuitBreaker> {
    return this.#circuits;
  }
}

const states = new WeakMap<ReplayStore, StoreState>();

/** Returns the state of a store. All verifiers with the same store share it, and it uses the clock of the first of them. */
export function stateOf(store: ReplayStore, clock: Clock): StoreState {
  let state = states.get(store);
  if (state === undefined) {
    state = new StoreState(store, clock);
    states.set(store, state);
  }
  return state;
}
