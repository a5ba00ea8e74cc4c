import type { Clock } from '@countersign/core';
import { configError, withDeadline } from '@countersign/core/extend';
import { isReusable, isTransient, Overdue, Uncommitted } from './store-error.ts';

/**
 * Runs a statement: a Pool or a Connection of `mysql2/promise` or of `mariadb`, or an object with a `query(sql, values)` that
 * returns the same results as theirs.
 */
export interface Queryable {
  // biome-ignore lint/suspicious/noExplicitAny: the two clients declare different values and results.
  query(sql: string, values?: any): Promise<any>;
}

type Row = Readonly<Record<string, unknown>>;

/** The result of a statement, in one shape for both clients. */
export interface Result {
  readonly rows: readonly Row[];
  readonly affectedRows: number;
  readonly insertId: number;
  /** Whether the statement belongs to a transaction that is still open, as far as the client shows that. */
  readonly isUncommitted: boolean;
}

/** Runs one statement. If the database aborted it in favor of a concurrent one, it is tried again. */
export type Ask = (sql: string, values?: readonly unknown[]) => Promise<Result>;

/** Runs the store's statements, each in its own transaction. */
export interface Connection {
  /** Runs steps on one connection; all of them together have one deadline. */
  use<T>(steps: (ask: Ask) => Promise<T>, late?: (result: T) => unknown): Promise<T>;
}

export interface ConnectionSettings {
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Runs prepared statements, if the client can. */
  readonly prepare: boolean;
}

interface Pool extends Queryable {
  getConnection(): Promise<PooledConnection>;
}
interface PooledConnection extends Queryable {
  release(): unknown;
  destroy?(): unknown;
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` if it can't run a statement. */
export function connectionTo(owner: string, given: unknown, settings: ConnectionSettings): Connection {
  const pool = withPromises(given);
  if (!isQueryable(pool)) {
    const hint = typeof given === 'string' ? ' Create one: createPool(uri).' : '';
    throw configError(
      `"pool" of ${owner} must be a Pool of mysql2 or mariadb, or an object with query(sql, values) that returns the same results.${hint}`,
    );
  }
  return isPool(pool) ? new PoolConnection(pool, settings) : new SingleConnection(pool, settings);
}

/** Pools and connections of `mysql2` itself use callbacks, but have a counterpart that uses promises. */
export function withPromises(given: unknown): unknown {
  const { promise } = (given ?? {}) as { promise?: unknown };
  return isQueryable(given) && typeof promise === 'function' ? promise.call(given) : given;
}

export function isQueryable(value: unknown): value is Queryable {
  return typeof (value as Partial<Queryable> | null | undefined)?.query === 'function';
}

/** Whether each statement may go to another connection. */
export function isPool(value: Queryable): value is Pool {
  return typeof (value as Partial<Pool>).getConnection === 'function';
}

function ignore(): void {}

/** A single connection runs one statement at a time, so calls wait for each other; anything else gets them as they come. */
class SingleConnection implements Connection {
  readonly #client: Queryable;
  readonly #settings: ConnectionSettings;
  readonly #isSingle: boolean;
  #free: Promise<unknown> = Promise.resolve();

  constructor(client: Queryable, settings: ConnectionSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#isSingle = typeof (client as { beginTransaction?: unknown }).beginTransaction === 'function';
  }

  async use<T>(steps: (ask: Ask) => Promise<T>, late: (result: T) => unknown = ignore): Promise<T> {
    return inTime(
      (isOver) => {
        const ask = askThrough(this.#client, isOver, this.#settings);
        const work = this.#isSingle ? this.#free.then(() => steps(ask)) : steps(ask);
        this.#free = work.catch(ignore);
        return work;
      },
      this.#settings,
      late,
    );
  }
}

/**
 * Takes a connection for as long as the steps take. A connection that hangs or takes no writes is removed from the pool, because it
 * would fail for others too.
 */
class PoolConnection implements Connection {
  readonly #pool: Pool;
  readonly #settings: ConnectionSettings;

  constructor(pool: Pool, settings: ConnectionSettings) {
    this.#pool = pool;
    this.#settings = settings;
  }

  async use<T>(steps: (ask: Ask) => Promise<T>, late: (result: T) => unknown = ignore): Promise<T> {
    let held: PooledConnection | undefined;
    const giveBack = (isLost: boolean) => {
      const connection = held;
      held = undefined;
      if (connection === undefined) return;
      // The release of mariadb is a promise, which rejects if the connection is lost.
      if (isLost && typeof connection.destroy === 'function') connection.destroy();
      else Promise.resolve(connection.release()).catch(ignore);
    };
    const work = async (isOver: () => boolean): Promise<T> => {
      const connection = await this.#pool.getConnection();
      held = connection;
      // The connection came too late, and nothing waits for it any more.
      if (isOver()) giveBack(false);
      return steps(askThrough(connection, isOver, this.#settings));
    };
    try {
      const result = await inTime(work, this.#settings, late);
      giveBack(false);
      return result;
    } catch (error) {
      giveBack(!isReusable(error));
      throw error;
    }
  }
}

/**
 * Runs the work with a connection of the pool, and gives it back.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a single connection, because other calls of the store would run in its transaction.
 */
export async function withConnectionOf<T>(
  given: Queryable,
  settings: Pick<ConnectionSettings, 'timeoutMs' | 'clock'>,
  work: (connection: Queryable) => Promise<T>,
): Promise<T> {
  const pool = withPromises(given) as Queryable;
  if (!isPool(pool)) {
    throw configError(
      'run(webhook, handler) needs a store whose "pool" is a pool. Pass a connection that nothing else uses: run(connection, webhook, handler).',
    );
  }
  // The release of mariadb is a promise, which rejects if the connection is lost.
  const giveBack = (connection: PooledConnection) => Promise.resolve(connection.release()).catch(ignore);
  const connection = await inTime(() => pool.getConnection(), settings, giveBack);
  try {
    return await work(connection);
  } finally {
    await giveBack(connection);
  }
}

/** Makes a call with a deadline. A result that comes too late goes to `late` and is never returned. */
export function inTime<T>(
  call: (isOver: () => boolean) => Promise<T>,
  { timeoutMs, clock }: Pick<ConnectionSettings, 'timeoutMs' | 'clock'>,
  late: (result: T) => unknown = ignore,
): Promise<T> {
  return withDeadline(call, { timeoutMs, clock, overdue: () => new Overdue(timeoutMs), late });
}

const TRIES = 5;

function askThrough(
  client: Queryable,
  isOver: () => boolean,
  { prepare, timeoutMs }: ConnectionSettings,
): Ask {
  return async function ask(sql, values = []) {
    for (let tries = 1; ; tries++) {
      if (isOver()) throw new Overdue(timeoutMs);
      try {
        const result = await runStatement(client, sql, values, prepare);
        if (result.isUncommitted) throw new Uncommitted();
        return result;
      } catch (error) {
        if (tries === TRIES || !isTransient(error)) throw error;
      }
    }
  };
}

/**
 * A pool or connection may be configured to return rows in another shape. Each client has its own option to override that per
 * statement.
 */
const PLAIN_RESULTS = { rowsAsArray: false, namedPlaceholders: false, nestTables: false };

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for results of another shape, for example from a client of another database. */
export async function runStatement(
  client: Queryable,
  sql: string,
  values: readonly unknown[],
  prepare = false,
): Promise<Result> {
  const { execute } = client as { execute?: Queryable['query'] };
  // Both clients accept an object; another object with a query() may accept only text.
  const isKnown = typeof execute === 'function';
  const statement = (isKnown ? { sql, ...PLAIN_RESULTS } : sql) as string;
  const given: unknown = await (isKnown && prepare
    ? execute.call(client, statement, [...values])
    : client.query(statement, [...values]));
  return resultOf(given, client);
}

/** A bit of the status that the server sends with each result. */
const IN_TRANSACTION = 1;

function resultOf(given: unknown, client: Queryable): Result {
  // mysql2 returns the result and its fields; mariadb returns only the result.
  const isPair =
    Array.isArray(given) && given.length === 2 && (Array.isArray(given[0]) || isHeader(given[0]));
  const result: unknown = isPair ? given[0] : given;
  if (Array.isArray(result)) return { rows: result, affectedRows: 0, insertId: 0, isUncommitted: false };
  if (isHeader(result)) {
    const { affectedRows, insertId, serverStatus } = result;
    // mysql2 returns the status, mariadb keeps it.
    const status = serverStatus ?? (client as { info?: { status?: unknown } | null }).info?.status;
    return {
      ...{ rows: [], affectedRows: Number(affectedRows), insertId: Number(insertId) },
      isUncommitted: (Number(status ?? 0) & IN_TRANSACTION) !== 0,
    };
  }
  throw configError(
    'query(sql, values) of the pool or connection must return what mysql2 or mariadb return: rows, or an object with "affectedRows". Pass a pool of mysql2 or mariadb.',
  );
}

function isHeader(
  value: unknown,
): value is { affectedRows: unknown; insertId?: unknown; serverStatus?: unknown } {
  return typeof value === 'object' && value !== null && 'affectedRows' in value;
}
