import type { Clock } from '../util/clock.ts';

export interface SweeperOptions {
  /** Removes at most `batchSize` expired entries and returns how many it removed. */
  readonly removeBatch: (batchSize: number) => Promise<number>;
  /** Few enough that one batch takes a few milliseconds: no claim may wait longer than that for a sweep. */
  readonly batchSize: number;
  readonly clock: Clock;
  /** Between two sweeps under traffic; `undefined`: traffic starts none. */
  readonly intervalMs: number | undefined;
}

/** Removes expired entries of a replay store in batches, for stores whose database does not remove them by itself. */
export class Sweeper {
  readonly #options: SweeperOptions;
  #dueAt: number;
  #isRunning = false;
  #failure: Error | undefined;

  constructor(options: SweeperOptions) {
    this.#options = options;
    // Instances that start together take turns.
    this.#dueAt = options.clock.monotonic() + Math.random() * (options.intervalMs ?? 0);
  }

  /** Why expired entries stay, if the last batch failed. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** For every claim to call: starts a batch when one is due, and makes no caller wait for it. */
  tick(): void {
    const { clock, intervalMs, batchSize } = this.#options;
    if (intervalMs === undefined || this.#isRunning || clock.monotonic() < this.#dueAt) return;
    this.#isRunning = true;
    this.#removeBatch()
      .then(
        // While a batch comes back full, every claim may start the next one: entries go faster than they come.
        (removed) => (removed < batchSize ? intervalMs : 0),
        () => intervalMs,
      )
      .then((pauseMs) => {
        this.#dueAt = clock.monotonic() + pauseMs;
        this.#isRunning = false;
      })
      .catch(() => undefined);
  }

  /** Removes all that has expired and returns how many entries that were. */
  async sweep(): Promise<number> {
    const { batchSize } = this.#options;
    let removed = 0;
    for (;;) {
      const batch = await this.#removeBatch();
      removed += batch;
      if (batch < batchSize) return removed;
    }
  }

  async #removeBatch(): Promise<number> {
    try {
      const removed = await this.#options.removeBatch(this.#options.batchSize);
      this.#failure = undefined;
      return removed;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }
}
