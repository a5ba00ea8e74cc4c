import type { Clock, ReplayStore, VerifiedWebhook } from '@countersign/core';
import {
  checkChoice,
  checkKeys,
  checkNumber,
  configError,
  type ReplayStoreHealth,
  Sweeper,
  systemClock,
} from '@countersign/core/extend';
import { connectionTo, Naming, type Queryable } from './connection.ts';
import type { RunOptions, RunResult } from './run.ts';
import { SqlReplayStore } from './sql-replay-store.ts';
import { statementsOn } from './statements.ts';
import { storeError } from './store-error.ts';
import { type TableOptions, tableNames } from './table.ts';

/** Options of {@link postgresReplayStore}. */
export interface PostgresReplayStoreOptions extends TableOptions {
  /**
   * A Pool of `pg`, or anything with `query(text, values)` that returns `{ rows }`. A single Client works too, if no other code uses it.
   */
  pool: Queryable;
  /**
   * The deadline of each statement that `run()` itself sends and of a connection of the pool, in milliseconds; not of your statements in
   * `run()`. A connection that hangs longer is removed from the pool. A call waits for a lock half as long. Verifiers have their own
   * deadline, of 5 seconds at most. Default: 2000.
   */
  timeoutMs?: number;
  /**
   * Names the statements, so that each connection parses and plans each of them once: a third to a half more claims per second. By default,
   * statements through a Pool or Client of `pg` have names, until the server refuses one because of its name, as behind a pooler in
   * transaction mode without support for prepared statements; that statement is sent again without. `true` and `false` decide for good.
   */
  prepare?: boolean;
  /**
   * When the server responds to commits and releases. `'full'`: as it is configured, by default when the change is on its disk.
   * `'relaxed'`: before that. If the server then crashes, it loses the last moments: at most three times `wal_writer_delay`, 0.6 seconds
   * by default; with a standby that takes over, what it had not received yet. A delivery that was handled in them runs again if its
   * sender sends it again after its lease. A crash of your own processes loses nothing. Claims, `run()` and `forget()` always have full
   * durability. Default: `'full'`.
   */
  durability?: 'full' | 'relaxed';
  /**
   * How often traffic removes expired rows, in seconds; with `false`, only your own calls of `sweep()` do. Default: 60.
   */
  sweepSeconds?: number | false;
  /** The clock of the deadlines. How long a delivery is remembered depends only on the clock of the server. Default: the machine's. */
  clock?: Clock;
}

/** A replay store on PostgreSQL. */
export interface PostgresReplayStore extends ReplayStore {
  /**
   * Transactional mode: remembers the delivery and runs the handler in one transaction, on a connection of the pool. Either both happen
   * or neither does, and a crash at any moment leaves exactly one effect. For handlers behind an adapter's `claim: 'manual'`.
   *
   * It begins and commits by itself. The handler must write through the client that it gets, and must not use `BEGIN`, `COMMIT`
   * and `ROLLBACK`; it may use savepoints. If it throws, everything is undone and `run()` throws the same. While one run is under
   * way, another run of the same delivery waits for half of `timeoutMs`, and then throws `ERR_WEBHOOK_IN_PROGRESS`.
   *
   * Let the framework have what `run()` throws: the adapters of this project then respond with 503 and Retry-After, without the reason.
   *
   * @param webhook The delivery, as it comes from a verifier.
   * @param handler Does the work, through the client: a `PoolClient` of `pg`. What it returns is the `result`.
   * @throws `ERR_WEBHOOK_IN_PROGRESS`, `ERR_WEBHOOK_STORE_UNAVAILABLE` (the sender's retry may succeed; if a `COMMIT` got no
   * response, the retry finds out whether it took place), `ERR_WEBHOOK_CONFIG_INVALID`, or whatever the handler throws.
   * @example
   * ```ts
   * app.post('/hooks/orders', webhook(verifier, { claim: 'manual' }), async (req, res) => {
   *   await store.run(req.webhook, (tx) => tx.query('INSERT INTO orders (body) VALUES ($1)', [req.webhook.text()]))
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
   * The same on a client of yours.
   *
   * @param client A connected Client of `pg`, or one of `await pool.connect()`; never the pool, and in no transaction. You release it.
   */
  run<C extends Queryable, T>(
    client: C,
    webhook: VerifiedWebhook,
    handler: (client: C) => T | Promise<T>,
    options?: RunOptions,
  ): Promise<RunResult<T>>;
  /**
   * Removes expired rows, in batches that hold no lock for long, and returns their number. A row that expired within the last hour may
   * stay. For a cron job, if `sweepSeconds` is `false`.
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

// Removed within a few milliseconds. No call waits for a sweep, and a sweep waits for no lock.
const SWEEP_ROWS = 1000;
const KNOWN = ['pool', 'table', 'schema', 'timeoutMs', 'prepare', 'durability', 'sweepSeconds', 'clock'];

/**
 * A replay store on PostgreSQL 13 or newer, for any number of instances. `migrate(pool)` creates its table.
 *
 * A claim of a new delivery is one `INSERT`; a second statement follows only if the key already has a row. Commit, release and
 * renewal are one `UPDATE` each. The time is the server's.
 *
 * Its methods throw `ERR_WEBHOOK_CONFIG_INVALID` for an empty key and for times that aren't positive, and
 * `ERR_WEBHOOK_STORE_UNAVAILABLE`, within `timeoutMs`, for everything that the database refuses or does not respond to.
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
  options = checkKeys('postgresReplayStore()', options, KNOWN);
  const { pool, prepare, sweepSeconds, clock = systemClock } = options;
  if (typeof clock?.schedule !== 'function' || typeof clock.monotonic !== 'function') {
    throw configError('"clock" must be a clock with monotonic() and schedule().');
  }
  if (prepare !== undefined && typeof prepare !== 'boolean')
    throw configError('"prepare" must be true or false.');
  const durability = checkChoice('durability', options.durability, ['full', 'relaxed']);
  const names = tableNames(options);
  const timeoutMs = checkNumber('timeoutMs', options.timeoutMs, { min: 10, max: 60_000, fallback: 2000 });
  const intervalMs =
    sweepSeconds === false
      ? undefined
      : checkNumber('sweepSeconds', sweepSeconds, { min: 0.001, max: 86_400, fallback: 60 }) * 1000;
  const connection = connectionTo('postgresReplayStore()', pool, {
    timeoutMs,
    clock,
    naming: new Naming(prepare),
  });
  const statements = statementsOn(names.table, durability === 'relaxed');
  const sweeper = new Sweeper({
    removeBatch: async (batchSize) => {
      try {
        return (await connection.use((ask) => ask(statements.sweep, [batchSize]))).length;
      } catch (error) {
        throw storeError(error, names);
      }
    },
    batchSize: SWEEP_ROWS,
    clock,
    intervalMs,
  });
  return new SqlReplayStore({ pool, names, statements, connection, sweeper, timeoutMs, clock });
}
