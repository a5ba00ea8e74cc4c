import type { Clock } from '../util/clock.ts';
import { Deferred } from '../util/promises.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { memoryReplayStore } from './memory-replay-store.ts';
import type { ReplayStore } from './replay-store.ts';
import { storeError } from './store-error.ts';

/** A commit that the store did not accept. */
export interface PendingCommit {
  /** Tries to write it once. Resolves to `undefined` if the store works, but another run holds the claim at the moment. */
  write(): Promise<boolean | undefined>;
  /** The part of the store that keeps the key. */
  readonly partition: string;
  /** How long to keep trying, in milliseconds. */
  readonly ttlMs: number;
  /** After this time, in milliseconds, the promise of `add()` rejects, but the commit is still tried. */
  readonly patienceMs: number;
  /** Called if it is written after `add()` has rejected. */
  late(): void;
  /** Why the store did not accept it. */
  error: unknown;
}

interface Entry extends PendingCommit {
  readonly done: Deferred<boolean>;
  readonly patienceUntil: number;
  readonly expiresAt: number;
  waiting: boolean;
}

const MAX_ENTRIES = 10_000;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5000;
const MAX_AT_ONCE = 32;
/**
 * A timer that is overdue by this much, or a batch of calls that takes this long, ended without a report: Cloudflare Workers end both with
 * the request that started them.
 */
const LOST_MS = 30_000;

/**
 * The deliveries that this process has handled but the store has not recorded. Tries to write them: one at a time until the store
 * accepts one, then more and more at once. While a delivery is in here, its duplicates are recognized without the store.
 */
export class PendingCommits {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  #failures = 0;
  /** When the batch that is being written began. */
  #writingSince: number | undefined;
  #added = false;
  #cancelTimer: (() => void) | undefined;
  #dueAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.expiresAt > this.#clock.monotonic();
  }

  /**
   * Keeps trying a commit.
   * @returns Whether the store accepted it. Rejects when `patienceMs` are over or too many commits are pending.
   */
  add(key: string, commit: PendingCommit): Promise<boolean> {
    // Of two runs in this process, the later one took over from the earlier one.
    const earlier = this.#entries.get(key);
    if (earlier !== undefined) this.#settle(key, earlier, false);
    if (this.#entries.size >= MAX_ENTRIES) this.#dropOldest();
    const now = this.#clock.monotonic();
    const entry: Entry = Object.assign(commit, {
      done: new Deferred<boolean>(),
      patienceUntil: now + commit.patienceMs,
      expiresAt: now + commit.ttlMs,
      waiting: true,
    });
    this.#entries.set(key, entry);
    this.#added = true;
    this.#schedule(this.#failures === 0 ? FIRST_DELAY_MS : this.#backoffMs);
    return entry.done.promise;
  }

  /** Gives up a commit, because its delivery is to run again. */
  drop(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#settle(key, entry, false);
    return true;
  }

  /** Tries now instead of later, because the store responds again. */
  hurry(): void {
    if (this.#cancelTimer === undefined) return;
    this.#cancelTimer();
    this.#cancelTimer = undefined;
    this.#start();
  }

  #start(): void {
    this.#cancelTimer = undefined;
    this.#writeAll().catch(() => undefined);
  }

  async #writeAll(): Promise<void> {
    this.#added = false;
    let due = [...this.#entries];
    const down = new Set<string>();
    // More at once after each batch that succeeds: a store that has just come back must not get all of them at the same time.
    for (let atOnce = 1; due.length > 0; atOnce = Math.min(MAX_AT_ONCE, atOnce * 2)) {
      this.#writingSince = this.#clock.monotonic();
      const batch = due.splice(0, atOnce);
      const written = await Promise.all(batch.map(([key, entry]) => this.#write(key, entry)));
      if (!written.includes(false)) continue;
      batch.forEach(([, { partition }], index) => {
        if (written[index] === false) down.add(partition);
      });
      // A part of the store that is down must not hold up commits for the others.
      due = due.filter(([, { partition }]) => !down.has(partition));
      atOnce = 1;
    }
    const failed = down.size > 0;
    this.#failures = failed ? this.#failures + 1 : 0;
    this.#writingSince = undefined;
    this.#giveUpOverdue();
    if (this.#entries.size === 0) return;
    const steady = this.#added ? FIRST_DELAY_MS : MAX_DELAY_MS;
    this.#schedule(failed ? this.#backoffMs : steady);
  }

  /** @returns Whether the store works. */
  async #write(key: string, entry: Entry): Promise<boolean> {
    if (this.#entries.get(key) !== entry) return true;
    if (entry.expiresAt <= this.#clock.monotonic()) {
      this.#settle(key, entry, false);
      return true;
    }
    try {
      const kept = await entry.write();
      if (kept !== undefined) this.#settle(key, entry, kept);
      return true;
    } catch (error) {
      entry.error = error;
      if (this.#entries.get(key) === entry) {
        // Moved to the end: a commit that the store never accepts must not hold up the others.
        this.#entries.delete(key);
        this.#entries.set(key, entry);
      }
      return false;
    }
  }

  #settle(key: string, entry: Entry, kept: boolean): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    if (entry.waiting) entry.done.resolve(kept);
    else if (kept) entry.late();
  }

  #giveUpOverdue(): void {
    const now = this.#clock.monotonic();
    for (const entry of this.#entries.values()) if (entry.patienceUntil <= now) this.#giveUp(entry);
  }

  #giveUp(entry: Entry): void {
    if (!entry.waiting) return;
    entry.waiting = false;
    entry.done.reject(storeError(entry.error));
  }

  #dropOldest(): void {
    for (const [key, entry] of this.#entries) {
      this.#entries.delete(key);
      this.#giveUp(entry);
      return;
    }
  }

  get #backoffMs(): number {
    return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures);
  }

  #schedule(delayMs: number): void {
    const lostBefore = this.#clock.monotonic() - LOST_MS;
    if (this.#writingSince !== undefined && this.#writingSince > lostBefore) return;
    // Jitter only shortens the delay, because a lease may be about to end.
    const spreadMs = delayMs * (0.5 + Math.random() / 2);
    const at = this.#clock.monotonic() + spreadMs;
    if (this.#cancelTimer !== undefined && at >= this.#dueAt && this.#dueAt > lostBefore) return;
    this.#cancelTimer?.();
    this.#dueAt = at;
    this.#cancelTimer = this.#clock.schedule(() => this.#start(), spreadMs);
  }
}

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
