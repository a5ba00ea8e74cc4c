import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import {
  type Clock,
  type ReplayStore,
  replayRecord,
  type VerifiedWebhook,
  WebhookError,
} from '@countersign/core';
import {
  type ClaimResult,
  type ClaimToken,
  checkClaimTimes,
  checkCommitTimes,
  checkDuration,
  checkKeys,
  checkNumber,
  claimOwner,
  configError,
  observedRun,
  type ReplayStoreHealth,
  replayKeyDigest,
  Sweeper,
  systemClock,
  withDeadline,
} from '@countersign/core/extend';
import {
  checkDatabase,
  executeOn,
  isInTransaction,
  type OwnDatabase,
  openDatabase,
  type SqliteDatabase,
} from './database.ts';
import { createIn } from './migrate.ts';
import { Records } from './records.ts';
import { type RunResult, runInTransaction } from './run.ts';
import { isBusy, OpenTransaction, storeError } from './store-error.ts';
import { type TableOptions, tableNames } from './table.ts';

/** Options of {@link sqliteReplayStore}: a `path`, or a `database`. */
export interface SqliteReplayStoreOptions<D extends SqliteDatabase = SqliteDatabase> extends TableOptions {
  /**
   * A file on a local disk, created with its table if it is missing. Opened in WAL mode at the first use, with `node:sqlite` (Node
   * 22.13 and later) or else with `better-sqlite3`. Every process of the machine may open it. `close()` closes it.
   */
  path?: string;
  /** A database of `better-sqlite3` or `node:sqlite` instead, whose table `migrate(database)` created. You open and close it. */
  database?: D;
  /**
   * How long one call may wait for a write lock that another process holds, in milliseconds. After that the call fails with
   * `ERR_WEBHOOK_STORE_UNAVAILABLE`. Default: 2000.
   */
  timeoutMs?: number;
  /**
   * Only with `path`. With `'normal'`, records survive the end of the process, including `kill -9`. With `'full'`, each step
   * waits for the disk, and records also survive a loss of power. Default: `'normal'`.
   */
  synchronous?: 'normal' | 'full';
  /** How often traffic removes expired rows, in seconds; with `false`, only your own calls of `sweep()` do. Default: 60. */
  sweepSeconds?: number | false;
  /** The clock. Its `now()` decides how long a delivery is remembered. Default: the machine's. */
  clock?: Clock;
}

/** A replay store on SQLite. */
export interface SqliteReplayStore<D extends SqliteDatabase = SqliteDatabase> extends ReplayStore {
  /**
   * Transactional mode: remembers the delivery and runs the handler in one transaction of the database. Either both happen or
   * neither does, and a crash at any moment leaves exactly one effect. For handlers behind an adapter's `claim: 'manual'`.
   *
   * The handler must not be asynchronous, and must not use `BEGIN`, `COMMIT` and `ROLLBACK`. If it throws, everything is undone
   * and `run()` throws the same.
   *
   * @param webhook The delivery, as it comes from a verifier.
   * @param handler Does the work, through the database. What it returns is the `result`.
   * @throws `ERR_WEBHOOK_IN_PROGRESS`, `ERR_WEBHOOK_STORE_UNAVAILABLE`, `ERR_WEBHOOK_CONFIG_INVALID`, or whatever the handler
   * throws.
   * @example
   * ```ts
   * const { state } = await store.run(req.webhook, (db) => db.prepare('INSERT INTO orders (body) VALUES (?)').run(body))
   * res.sendStatus(state === 'duplicate' ? 200 : 204)
   * ```
   */
  run<T>(webhook: VerifiedWebhook, handler: (database: D) => T): Promise<RunResult<T>>;
  /**
   * Forgets a handled delivery, so that it runs when it is delivered again. Returns `false` if the key does not belong to a
   * handled delivery. A delivery that is being handled is not changed.
   */
  forget(key: string): Promise<boolean>;
  /** Removes expired rows, in small batches, and returns their number. A row that expired within the last hour may stay. */
  sweep(): Promise<number>;
  health(): ReplayStoreHealth;
  /** Closes the file of a `path`. A `database` that you passed stays open. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const KNOWN = ['path', 'database', 'table', 'timeoutMs', 'synchronous', 'sweepSeconds', 'clock'];
/** Few rows, so that a batch blocks the process for only a millisecond or two. */
const SWEEP_ROWS = 100;
const LONGEST_PAUSE_MS = 10;
const ROUNDS = 3;
const SOON_MS = 1000;

/**
 * A replay store on SQLite: for one server that must remember its deliveries over restarts, and for all processes of one machine.
 *
 * Every step is one statement, which takes some microseconds and blocks the process for as long. The time is the machine's.
 *
 * Its methods throw `ERR_WEBHOOK_CONFIG_INVALID` for an empty key and for times that aren't positive, and
 * `ERR_WEBHOOK_STORE_UNAVAILABLE` for everything that SQLite refuses.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` if an option is missing, unknown or out of range.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme, secrets, replay: sqliteReplayStore({ path: '/var/lib/shop/webhooks.db' }) })
 * ```
 */
export function sqliteReplayStore<D extends SqliteDatabase = SqliteDatabase>(
  options: SqliteReplayStoreOptions<D>,
): SqliteReplayStore<D> {
  options = checkKeys('sqliteReplayStore()', options, KNOWN);
  const { path, database, synchronous = 'normal', sweepSeconds, clock = systemClock } = options;
  if ((path === undefined) === (database === undefined)) {
    throw configError('sqliteReplayStore() needs either "path" or "database".');
  }
  if (path !== undefined && (typeof path !== 'string' || path === '' || path === ':memory:')) {
    throw configError(
      '"path" must be the path of a file, because a database in memory does not survive a restart.',
    );
  }
  if (database !== undefined) checkDatabase('sqliteReplayStore()', database);
  if (synchronous !== 'normal' && synchronous !== 'full') {
    throw configError('"synchronous" must be "normal" or "full".');
  }
  if (database !== undefined && options.synchronous !== undefined) {
    throw configError('"synchronous" is for a "path". Set the pragma of your own database yourself.');
  }
  if (typeof clock?.schedule !== 'function' || typeof clock.now !== 'function') {
    throw configError('"clock" must be a clock with now(), monotonic() and schedule().');
  }
  const timeoutMs = checkNumber('timeoutMs', options.timeoutMs, { min: 1, max: 600_000, fallback: 2000 });
  const intervalMs =
    sweepSeconds === false
      ? undefined
      : checkNumber('sweepSeconds', sweepSeconds, { min: 0.001, max: 86_400, fallback: 60 }) * 1000;
  const { table } = tableNames(options);
  const name = options.table === undefined ? {} : { table: options.table };
  return new FileReplayStore<D>({
    ...{ given: database, table, timeoutMs, intervalMs, clock },
    async open() {
      const own = await openDatabase(path as string, synchronous);
      try {
        createIn(own, name);
      } catch (error) {
        own.close();
        throw error;
      }
      return own;
    },
  });
}

interface Parts<D> {
  readonly given: D | undefined;
  open(): Promise<OwnDatabase>;
  readonly table: string;
  readonly timeoutMs: number;
  readonly intervalMs: number | undefined;
  readonly clock: Clock;
}

interface Opened<D> {
  readonly database: D;
  readonly records: Records;
}

class FileReplayStore<D extends SqliteDatabase> implements SqliteReplayStore<D> {
  readonly #parts: Parts<D>;
  readonly #sweeper: Sweeper;
  #opened: Opened<D> | undefined;
  #opening: Promise<Opened<D>> | undefined;
  #own: OwnDatabase | undefined;
  #isClosed = false;

  constructor(parts: Parts<D>) {
    this.#parts = parts;
    if (parts.given !== undefined) this.#opened = this.#over(parts.given);
    this.#sweeper = new Sweeper({
      removeBatch: async (batchSize) => {
        const removed = await this.#change((records, now) => records.sweep(batchSize, now));
        // Other work of this process can run between two batches: with promises alone, nothing else could.
        await nextTurn();
        return removed;
      },
      ...{ batchSize: SWEEP_ROWS, clock: parts.clock, intervalMs: parts.intervalMs },
    });
  }

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    const digest = replayKeyDigest(key);
    const times = checkClaimTimes(options);
    this.#sweeper.tick();
    const owner = claimOwner();
    return this.#change((records, now) => {
      for (let round = 0; round < ROUNDS; round++) {
        const result = records.claim(digest, owner, times, now);
        if (result !== undefined) return result;
      }
      return { state: 'in-progress', retryAfterMs: Math.min(Math.ceil(times.leaseMs), SOON_MS) };
    });
  }

  async renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    const digest = replayKeyDigest(key);
    const lease = checkDuration('leaseMs', leaseMs);
    return isToken(token) && this.#change((records, now) => records.renew(digest, token, lease, now));
  }

  async commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean> {
    const digest = replayKeyDigest(key);
    const { ttlMs } = checkCommitTimes(options);
    return isToken(token) && this.#change((records, now) => records.commit(digest, token, ttlMs, now));
  }

  async release(key: string, token: ClaimToken): Promise<boolean> {
    const digest = replayKeyDigest(key);
    return isToken(token) && this.#change((records, now) => records.release(digest, token, now));
  }

  async forget(key: string): Promise<boolean> {
    const digest = replayKeyDigest(key);
    return this.#change((records, now) => records.forget(digest, now));
  }

  async run<T>(webhook: VerifiedWebhook, handler: (database: D) => T): Promise<RunResult<T>> {
    const { key, ttlMs } = replayRecord(webhook);
    const digest = replayKeyDigest(key);
    if (typeof handler !== 'function')
      throw configError('The handler of run() must be a function: (database) => …');
    this.#sweeper.tick();
    return observedRun({ webhook, clock: this.#parts.clock, handler }, async (observed) => {
      const run = await this.#use(({ database, records }, now) =>
        runInTransaction(
          database,
          () => {
            if (records.remember(digest, ttlMs, now)) return undefined;
            return records.find(digest, now) ?? { state: 'in-progress', retryAfterMs: SOON_MS };
          },
          observed,
          (error) => storeError(error, this.#parts.table),
        ),
      );
      if ('error' in run) throw run.error;
      return run;
    });
  }

  sweep(): Promise<number> {
    return this.#sweeper.sweep();
  }

  health(): ReplayStoreHealth {
    const { failure } = this.#sweeper;
    const warnings =
      failure === undefined ? [] : [`Expired replay records are not removed: ${failure.message}`];
    return { name: 'sqlite', warnings };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#opening?.catch(() => undefined);
    this.#opened = undefined;
    this.#own?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #over(database: D): Opened<D> {
    return { database, records: new Records(executeOn(database), this.#parts.table) };
  }

  /** If a file could not be opened, the next call tries again. */
  async #open(): Promise<Opened<D>> {
    if (this.#isClosed) throw closed();
    if (this.#opened !== undefined) return this.#opened;
    this.#opening ??= this.#parts.open().then(
      (own) => {
        this.#own = own;
        // Without the caller's database, any database type fits.
        this.#opened = this.#over(own as unknown as D);
        return this.#opened;
      },
      (error) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  /** One step of a record. In a transaction of other code it would be undone with that code's work. */
  #change<T>(step: (records: Records, now: number) => T): Promise<T> {
    return this.#use(({ database, records }, now) => {
      if (isInTransaction(database)) throw new OpenTransaction();
      return step(records, now);
    });
  }

  async #use<T>(step: (opened: Opened<D>, now: number) => T): Promise<T> {
    const { clock, table } = this.#parts;
    if (this.#isClosed) throw closed();
    try {
      // Usually there is nothing to wait for.
      if (this.#opened !== undefined) return step(this.#opened, clock.now());
    } catch (error) {
      if (!isBusy(error)) throw storeError(error, table);
    }
    try {
      return await this.#useInTime(step);
    } catch (error) {
      throw storeError(error, table);
    }
  }

  #useInTime<T>(step: (opened: Opened<D>, now: number) => T): Promise<T> {
    const { clock, timeoutMs } = this.#parts;
    let reason: unknown;
    const overdue = () =>
      new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', overdueSentence(timeoutMs, reason), {
        cause: reason,
      });
    const call = async (isOver: () => boolean): Promise<T> => {
      for (;;) {
        try {
          const opened = await this.#open();
          // The caller already has its error and no longer waits for a result.
          if (isOver()) throw overdue();
          return step(opened, clock.now());
        } catch (error) {
          if (!isBusy(error)) throw error;
          reason = error;
        }
        await pause(1 + Math.random() * LONGEST_PAUSE_MS);
      }
    };
    return withDeadline(call, { timeoutMs, clock, overdue });
  }
}

function overdueSentence(timeoutMs: number, reason: unknown): string {
  if (reason instanceof OpenTransaction) {
    return `Other code of this process kept a transaction of the same database open for the ${timeoutMs} ms of "timeoutMs". End every transaction, also after an error, and don't wait inside of one.`;
  }
  return `Another process held the write lock of the database for the ${timeoutMs} ms of "timeoutMs", or the file could not be opened in that time.`;
}

function closed(): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_STORE_UNAVAILABLE',
    'The replay store was closed. Close it after the receiver has stopped.',
  );
}

/** Whether it can be bound: SQLite accepts only these values. */
function isToken({ fencingToken, owner }: ClaimToken): boolean {
  return Number.isSafeInteger(fencingToken) && typeof owner === 'string';
}
