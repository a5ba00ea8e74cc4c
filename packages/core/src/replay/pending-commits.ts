import type { Clock } from '../clock.ts';
import { Deferred } from '../secrets/deferred.ts';
import { storeError } from './store-error.ts';

/** A commit that the store did not take. */
export interface UnwrittenCommit {
  /** Tries once more. `undefined`: the store works, but can't be told now. */
  write(): Promise<boolean | undefined>;
  /** How long it is worth trying. */
  readonly ttlMs: number;
  /** After that, whoever waits for it is told that it failed; the tries go on. */
  readonly patienceMs: number;
  /** Called where it is written after all, when nobody waits for it any more. */
  late(): void;
  /** Why the store has not taken it. */
  error: unknown;
}

interface Entry extends UnwrittenCommit {
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
 * The deliveries that this process has handled and the store doesn't know of. Tries to write them, one at a time until the store
 * takes one. While one is in here, a duplicate of it needs no store to be known.
 */
export class UnwrittenCommits {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  #failures = 0;
  #writing = false;
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
   * Takes over a commit.
   * @returns What the store says in the end, or rejects when patience is over or too many wait.
   */
  add(key: string, commit: UnwrittenCommit): Promise<boolean> {
    // Of two runs in this process the later one took over from the other.
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

  /** The store answers again: no need to wait for the next try. */
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
    this.#writing = true;
    this.#added = false;
    const due = [...this.#entries];
    let failed = false;
    // More at once with every one that the store takes: a store that just came back is not met by all of them.
    for (let atOnce = 1; due.length > 0 && !failed; atOnce = Math.min(MAX_AT_ONCE, atOnce * 2)) {
      const results = await Promise.all(due.splice(0, atOnce).map(([key, entry]) => this.#write(key, entry)));
      failed = results.includes(false);
    }
    this.#failures = failed ? this.#failures + 1 : 0;
    this.#writing = false;
    this.#disappoint();
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
        // To the end: one that the store never takes must not keep the others waiting.
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

  #disappoint(): void {
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
    if (this.#writing) return;
    // Spread, but never later: a lease may be running out.
    const spreadMs = delayMs * (0.5 + Math.random() / 2);
    const at = this.#clock.monotonic() + spreadMs;
    if (this.#cancelTimer !== undefined && at >= this.#dueAt) return;
    this.#cancelTimer?.();
    this.#dueAt = at;
    this.#cancelTimer = this.#clock.schedule(() => this.#start(), spreadMs);
  }
}
