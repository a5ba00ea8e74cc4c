import type { Clock } from '../util/clock.ts';

/** Options of {@link Sweeper}. */
export interface SweeperOptions {
  /** Removes at most `batchSize` expired entries and returns how many it removed. */
  readonly removeBatch: (batchSize: number) => Promise<number>;
  /** The most entries of one batch. A claim may have to wait for a batch, so choose a number that takes only a few milliseconds. */
  readonly batchSize: number;
  readonly clock: Clock;
  /** The time between two sweeps that claims start, in milliseconds. `undefined`: claims start none. */
  readonly intervalMs: number | undefined;
}

/**
 * Removes expired entries of a replay store in batches, for stores whose database does not remove them by itself.
 *
 * @example
 * ```ts
 * const sweeper = new Sweeper({
 *   removeBatch: async (limit) => (await client.query(DELETE_EXPIRED, [limit])).rowCount ?? 0,
 *   batchSize: 1000,
 *   clock: systemClock,
 *   intervalMs: 60_000,
 * })
 * sweeper.tick() // in every claim
 * ```
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  #dueAt: number;
  #isRunning = false;
  #failure: Error | undefined;

  constructor(options: SweeperOptions) {
    this.#options = options;
    // Random, so that instances that start together don't sweep together.
    this.#dueAt = options.clock.monotonic() + Math.random() * (options.intervalMs ?? 0);
  }

  /** Why expired entries are not removed, if the last batch failed. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Starts a batch if one is due, without making the caller wait. Call it in every claim. */
  tick(): void {
    const { clock, intervalMs, batchSize } = this.#options;
    if (intervalMs === undefined || this.#isRunning || clock.monotonic() < this.#dueAt) return;
    this.#isRunning = true;
    this.#removeBatch()
      .then(
        // As long as batches are full, each claim may start the next one, so that entries are removed faster than they are added.
        (removed) => (removed < batchSize ? intervalMs : 0),
        () => intervalMs,
      )
      .then((pauseMs) => {
        this.#dueAt = clock.monotonic() + pauseMs;
        this.#isRunning = false;
      })
      .catch(() => undefined);
  }

  /** Removes all expired entries, and returns how many it removed. */
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
