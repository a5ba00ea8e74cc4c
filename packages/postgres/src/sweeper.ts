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
  /** The time between two sweeps under traffic; `undefined`: no sweeps. */
  readonly intervalMs: number | undefined;
}

// Takes a few milliseconds. No call waits for a sweep, and a sweep waits for no lock.
const BATCH_ROWS = 1000;

/** Removes expired rows in batches, each in its own transaction. */
export class Sweeper {
  readonly #settings: SweeperSettings;
  #dueAt: number;
  #running = false;
  #failure: WebhookError | undefined;

  constructor(settings: SweeperSettings) {
    this.#settings = settings;
    // With jitter, so that instances that start together take turns.
    this.#dueAt = settings.clock.monotonic() + Math.random() * (settings.intervalMs ?? 0);
  }

  /** Why expired rows stay, if the last sweep failed. */
  get failure(): WebhookError | undefined {
    return this.#failure;
  }

  /** Called with every claim: starts a batch if one is due, without waiting for it. */
  tick(): void {
    const { clock, intervalMs } = this.#settings;
    if (intervalMs === undefined || this.#running || clock.monotonic() < this.#dueAt) return;
    this.#running = true;
    this.#sweepBatch()
      .then(
        // While more than a batch is left, every claim may remove one, so that rows go faster than they come.
        (removed) => (removed < BATCH_ROWS ? intervalMs : 0),
        () => intervalMs,
      )
      .then((pauseMs) => {
        this.#dueAt = clock.monotonic() + pauseMs;
        this.#running = false;
      })
      .catch(() => undefined);
  }

  /** Removes all expired rows. @returns How many. */
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
