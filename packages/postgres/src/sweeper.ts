import type { Clock, WebhookError } from '@countersign/core';
import type { Ask, Connection } from './connection.ts';
import { storeError } from './store-error.ts';
import type { TableNames } from './table.ts';

export interface SweeperSettings {
  readonly connection: Connection;
  readonly names: TableNames;
  /** Removes at most `$1` rows. */
  readonly statement: string;
  readonly clock: Clock;
  /** Between two sweeps under traffic; `undefined`: none. */
  readonly intervalMs: number | undefined;
}

// Few enough for a few milliseconds: nobody waits for a sweep, and it waits for nobody.
const BATCH_ROWS = 1000;

/** Removes expired rows in batches, each a transaction of its own. */
export class Sweeper {
  readonly #settings: SweeperSettings;
  #dueAt: number;
  #running = false;
  #failure: WebhookError | undefined;

  constructor(settings: SweeperSettings) {
    this.#settings = settings;
    // Instances that start together take turns.
    this.#dueAt = settings.clock.monotonic() + Math.random() * (settings.intervalMs ?? 0);
  }

  /** Why expired rows stay, if the last sweep failed. */
  get failure(): WebhookError | undefined {
    return this.#failure;
  }

  /** Called with every claim: starts a batch when one is due. Nobody waits for it. */
  tick(): void {
    const { clock, intervalMs } = this.#settings;
    if (intervalMs === undefined || this.#running || clock.monotonic() < this.#dueAt) return;
    this.#running = true;
    this.#sweepBatch()
      .then(
        // While there is more than a batch, every claim may remove one: rows go faster than they come.
        (removed) => (removed < BATCH_ROWS ? intervalMs : 0),
        () => intervalMs,
      )
      .then((pauseMs) => {
        this.#dueAt = clock.monotonic() + pauseMs;
        this.#running = false;
      })
      .catch(() => undefined);
  }

  /** Removes all that has expired, and tells how many rows that were. */
  async sweep(): Promise<number> {
    let removed = 0;
    for (;;) {
      const batch = await this.#sweepBatch();
      removed += batch;
      if (batch < BATCH_ROWS) return removed;
    }
  }

  async #sweepBatch(): Promise<number> {
    const { connection, statement, names } = this.#settings;
    try {
      const rows = await connection.use((ask: Ask) => ask(statement, [BATCH_ROWS]));
      this.#failure = undefined;
      return rows.length;
    } catch (error) {
      this.#failure = storeError(error, names);
      throw this.#failure;
    }
  }
}
