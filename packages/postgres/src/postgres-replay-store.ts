import type { Clock, ReplayStore, VerifiedWebhook } from '@countersign/core';
import {
  checkKeys,
  checkNumber,
  configError,
  type ReplayStoreHealth,
  systemClock,
} from '@countersign/core/extend';
import { connectionTo, type Queryable } from './connection.ts';
import type { RunOptions, RunResult } from './run.ts';
import { SqlReplayStore } from './sql-replay-store.ts';
import { statementsOn } from './statements.ts';
import { Sweeper } from './sweeper.ts';
import { type TableOptions, tableNames } from './table.ts';

/** Options of {@link postgresReplayStore}. */
export interface PostgresReplayStoreOptions extends TableOptions {
  /**
   * A Pool of `pg`, or anything with `query(text, values)` that gives `{ rows }`. A single Client works too, if nobody else uses it.
   */
  pool: Queryable;
  /**
   * How long one call may take, in milliseconds, with the wait for a connection of the pool. After it the call fails with
   * `ERR_WEBHOOK_STORE_UNAVAILABLE`. A lock is waited for half as long. Default: 2000.
   */
  timeoutMs?: number;
  /**
   * Gives the statements names, so that each connection parses and plans each of them once: a third to a half more claims a second. Only
   * for `pg` itself, and not behind a pooler that gives a transaction to any connection and knows no prepared statements.
   * Default: false.
   */
  prepare?: boolean;
  /**
   * How often traffic removes expired rows, in seconds; `false` leaves that to your own calls of `sweep()`. Default: 60.
   */
  sweepSeconds?: number | false;
  /** Where the deadlines come from. What is remembered, and for how long, goes by the clock of the server. Default: the machine's. */
  clock?: Clock;
}

/** A replay store on PostgreSQL. */
export interface PostgresReplayStore extends ReplayStore {
  /**
   * Transactional mode: remembers the delivery and runs the handler in one transaction on the given client, so that both happen or
   * neither does, and a crash at any point leaves exactly one effect. For handlers behind an adapter's `claim: 'manual'`.
   *
   * It begins and commits by itself. The handler must write through the client that it is given, and leave `BEGIN`, `COMMIT` and
   * `ROLLBACK` alone; savepoints are its own business. What it throws undoes everything and is thrown on. While one run is under
   * way, another of the same delivery waits for its end, for half of `timeoutMs`: then it is `ERR_WEBHOOK_IN_PROGRESS`.
   *
   * @param client A connected Client of `pg`, or one of `await pool.connect()`; never the pool, and in no transaction.
   * @param webhook The delivery as a verifier gave it.
   * @param handler Does the work, through the client. What it gives is the `result`.
   * @throws `ERR_WEBHOOK_IN_PROGRESS`, `ERR_WEBHOOK_STORE_UNAVAILABLE` (the sender's retry may do better; where a `COMMIT` got no
   * answer, the retry finds out whether it took place), `ERR_WEBHOOK_CONFIG_INVALID`, or whatever the handler throws.
   * @example
   * ```ts
   * const { state } = await store.run(client, req.webhook, (tx) => tx.query('INSERT INTO orders (body) VALUES ($1)', [body]))
   * res.sendStatus(state === 'duplicate' ? 200 : 204)
   * ```
   */
  run<C extends Queryable, T>(
    client: C,
    webhook: VerifiedWebhook,
    handler: (client: C) => T | Promise<T>,
    options?: RunOptions,
  ): Promise<RunResult<T>>;
  /**
   * Removes the rows that have expired, in batches that hold no lock for long, and gives their number. A row that expired within the
   * last hour may stay. For a cron job, where `sweepSeconds` is `false`.
   *
   * @throws `ERR_WEBHOOK_STORE_UNAVAILABLE`.
   * @example
   * ```ts
   * setInterval(() => store.sweep().catch(report), 3_600_000).unref()
   * ```
   */
  sweep(): Promise<number>;
  health(): ReplayStoreHealth;
}

const KNOWN = ['pool', 'table', 'schema', 'timeoutMs', 'prepare', 'sweepSeconds', 'clock'];

/**
 * A replay store on PostgreSQL 13 or newer, for any number of instances. Its table is made by `migrate(pool)`.
 *
 * A claim of a new delivery is one `INSERT`; a second statement follows only where the key has a row already. Commit, release and
 * renewal are one `UPDATE` each. The time is the server's.
 *
 * Its methods throw `ERR_WEBHOOK_CONFIG_INVALID` for an empty key and for times that aren't positive, and
 * `ERR_WEBHOOK_STORE_UNAVAILABLE`, within `timeoutMs`, for everything that the database refuses or doesn't answer.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` if an option is missing, unknown or out of range.
 *
 * @example
 * ```ts
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL })
 * pool.on('error', (error) => console.error(error))
 * await migrate(pool)
 * const verifier = createVerifier({ scheme, secrets, replay: postgresReplayStore({ pool }) })
 * ```
 */
export function postgresReplayStore(options: PostgresReplayStoreOptions): PostgresReplayStore {
  checkKeys('postgresReplayStore()', options, KNOWN);
  const { pool, prepare = false, sweepSeconds, clock = systemClock } = options;
  if (typeof clock?.schedule !== 'function' || typeof clock.monotonic !== 'function') {
    throw configError('"clock" must be a clock with monotonic() and schedule().');
  }
  if (typeof prepare !== 'boolean') throw configError('"prepare" must be true or false.');
  const names = tableNames(options);
  const timeoutMs = checkNumber('timeoutMs', options.timeoutMs, { min: 10, max: 600_000, fallback: 2000 });
  const intervalMs =
    sweepSeconds === false
      ? undefined
      : checkNumber('sweepSeconds', sweepSeconds, { min: 0.001, max: 86_400, fallback: 60 }) * 1000;
  const connection = connectionTo('postgresReplayStore()', pool, { timeoutMs, clock, prepare });
  const statements = statementsOn(names.table);
  const sweeper = new Sweeper({ connection, names, statement: statements.sweep, clock, intervalMs });
  return new SqlReplayStore({ pool, names, statements, connection, sweeper, timeoutMs, clock });
}
