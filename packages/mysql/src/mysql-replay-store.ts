import type { Clock, ReplayStore, VerifiedWebhook } from '@countersign/core';
import {
  checkKeys,
  checkNumber,
  configError,
  type ReplayStoreHealth,
  Sweeper,
  systemClock,
} from '@countersign/core/extend';
import { connectionTo, type Queryable } from './connection.ts';
import type { RunOptions, RunResult } from './run.ts';
import { SqlReplayStore } from './sql-replay-store.ts';
import { SWEEP_ROWS, statementsOn } from './statements.ts';
import { removeExpired } from './sweep.ts';
import { type TableOptions, tableNames } from './table.ts';

/** Options of {@link mysqlReplayStore}. */
export interface MysqlReplayStoreOptions extends TableOptions {
  /**
   * A Pool of `mysql2` or `mariadb`, or an object with a `query(sql, values)` that returns the same results as theirs. A single
   * connection works too, if no other code uses it.
   */
  pool: Queryable;
  /**
   * The deadline of one call, in milliseconds, including the wait for a connection of the pool. After that the call fails with
   * `ERR_WEBHOOK_STORE_UNAVAILABLE`. Default: 2000.
   */
  timeoutMs?: number;
  /** Runs prepared statements (`execute()` of the client), so that each connection parses each of them once. Default: false. */
  prepare?: boolean;
  /** How often traffic removes expired rows, in seconds; with `false`, only your own calls of `sweep()` do. Default: 60. */
  sweepSeconds?: number | false;
  /**
   * The clock of the deadlines. How long a delivery is remembered depends only on the clock of the server. Default: the
   * machine's.
   */
  clock?: Clock;
}

/** A replay store on MySQL or MariaDB. */
export interface MysqlReplayStore extends ReplayStore {
  /**
   * Transactional mode: runs the handler in a transaction on a connection of the pool, and commits the handler's writes together with
   * the record of the delivery. Either both happen or neither does, and a crash at any moment leaves exactly one effect. For
   * handlers behind an adapter's `claim: 'manual'`.
   *
   * While the handler runs, the store renews the lease of the delivery. If the lease is lost anyway, for example because the
   * process was paused, nothing is committed. The handler must write through the connection that it gets, to InnoDB tables. It
   * must not use `COMMIT`, `ROLLBACK`, `CREATE TABLE` or another statement that commits implicitly; it may use savepoints. If it
   * throws, everything is undone and `run()` throws the same.
   *
   * Let the framework have what `run()` throws: the adapters of this project then respond with 503 and Retry-After, without the reason.
   *
   * @param webhook The delivery, as it comes from a verifier.
   * @param handler Does the work, through the connection. What it returns is the `result`.
   * @throws `ERR_WEBHOOK_IN_PROGRESS`, `ERR_WEBHOOK_STORE_UNAVAILABLE` (the sender's retry may succeed; if a `COMMIT` got no
   * response, the retry finds out whether it took place), `ERR_WEBHOOK_CONFIG_INVALID`, or whatever the handler throws.
   * @example
   * ```ts
   * app.post('/hooks/orders', webhook(verifier, { claim: 'manual' }), async (req, res) => {
   *   await store.run(req.webhook, (tx) => tx.query('INSERT INTO orders (body) VALUES (?)', [req.webhook.text()]))
   *   res.sendStatus(204) // a duplicate has been handled too
   * })
   * ```
   */
  run<T, C extends Queryable = Queryable>(
    webhook: VerifiedWebhook,
    handler: (client: C) => T | Promise<T>,
    options?: RunOptions,
  ): Promise<RunResult<T>>;
  /**
   * The same on a connection of yours.
   *
   * @param client One connection: `await pool.getConnection()`; never the pool, and in no transaction. You release it.
   */
  run<C extends Queryable, T>(
    client: C,
    webhook: VerifiedWebhook,
    handler: (client: C) => T | Promise<T>,
    options?: RunOptions,
  ): Promise<RunResult<T>>;
  /**
   * Forgets a handled delivery, so that it runs when it is delivered again. Returns `false` if the key does not belong to a
   * handled delivery. A delivery that is being handled is not changed.
   */
  forget(key: string): Promise<boolean>;
  /**
   * Removes expired rows, in batches that hold no lock for long, and returns their number. A row that expired within the last
   * hour may stay. For a cron job, if `sweepSeconds` is `false`.
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

const KNOWN = ['pool', 'table', 'database', 'timeoutMs', 'prepare', 'sweepSeconds', 'clock'];

/**
 * A replay store on MySQL 8 or newer, or MariaDB 10.6 or newer, for any number of instances. `migrate(pool)` creates its table.
 *
 * A claim of a new delivery is one `INSERT`; a second statement, which only reads, follows if the key already has a row. Commit,
 * release and renewal are one `UPDATE` each. The time is the server's.
 *
 * Its methods throw `ERR_WEBHOOK_CONFIG_INVALID` for an empty key and for times that aren't positive, and
 * `ERR_WEBHOOK_STORE_UNAVAILABLE`, within `timeoutMs`, for everything that the database refuses or does not respond to.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` if an option is missing, unknown or out of range.
 *
 * @example
 * ```ts
 * const pool = createPool(process.env.MYSQL_URL)
 * await migrate(pool)
 * const verifier = createVerifier({ scheme, secrets, replay: mysqlReplayStore({ pool }) })
 * ```
 */
export function mysqlReplayStore(options: MysqlReplayStoreOptions): MysqlReplayStore {
  options = checkKeys('mysqlReplayStore()', options, KNOWN);
  const { pool, prepare = false, sweepSeconds, clock = systemClock } = options;
  if (typeof clock?.schedule !== 'function' || typeof clock.monotonic !== 'function') {
    throw configError('"clock" must be a clock with now(), monotonic() and schedule().');
  }
  if (typeof prepare !== 'boolean') throw configError('"prepare" must be true or false.');
  const names = tableNames(options);
  const timeoutMs = checkNumber('timeoutMs', options.timeoutMs, { min: 10, max: 600_000, fallback: 2000 });
  const intervalMs =
    sweepSeconds === false
      ? undefined
      : checkNumber('sweepSeconds', sweepSeconds, { min: 0.001, max: 86_400, fallback: 60 }) * 1000;
  const connection = connectionTo('mysqlReplayStore()', pool, { timeoutMs, clock, prepare });
  const statements = statementsOn(names.table);
  const sweeper = new Sweeper({
    removeBatch: () => removeExpired(connection, statements, names),
    batchSize: SWEEP_ROWS,
    clock,
    intervalMs,
  });
  return new SqlReplayStore({ pool, names, statements, connection, sweeper, timeoutMs, clock });
}
