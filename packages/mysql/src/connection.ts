import type { Clock } from '@countersign/core';
import { configError, withDeadline } from '@countersign/core/extend';
import { isConnectionLost, isTransient, Overdue } from './store-error.ts';

/**
 * What runs a statement: a Pool or a Connection of `mysql2/promise` or of `mariadb`, or anything with a `query(sql, values)` that
 * returns what one of the two returns.
 */
export interface Queryable {
  // biome-ignore lint/suspicious/noExplicitAny: the two clients declare different values and results.
  query(sql: string, values?: any): Promise<any>;
}

type Row = Readonly<Record<string, unknown>>;

/** What a statement returned, whichever client ran it. */
export interface Result {
  readonly rows: readonly Row[];
  readonly affectedRows: number;
  readonly insertId: number;
}

/** Runs one statement. If it had to give way to another one, it is tried again. */
export type Ask = (sql: string, values?: readonly unknown[]) => Promise<Result>;

/** Statements of the store's own, each a transaction of its own. */
export interface Connection {
  /** Runs steps that together end within the deadline, on one connection. */
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

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for what can run no statement. */
export function connectionTo(owner: string, given: unknown, settings: ConnectionSettings): Connection {
  const pool = withPromises(given);
  if (!isQueryable(pool)) {
    const hint = typeof given === 'string' ? ' Create one: createPool(uri).' : '';
    throw configError(
      `"pool" of ${owner} must be a Pool of mysql2 or mariadb, or an object with query(sql, values) that returns what they return.${hint}`,
    );
  }
  return isPool(pool) ? new PoolConnection(pool, settings) : new SingleConnection(pool, settings);
}

/** Pools and connections of `mysql2` itself work by callbacks, and have a twin that works by promises. */
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

/** A single connection does one thing at a time, so calls wait for each other; anything else takes them as they come. */
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

/** Takes a connection for as long as the steps take, and takes it out of the pool if it hangs: it would hang for others too. */
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
      // The release of mariadb is a promise, which rejects if the connection is gone.
      if (isLost && typeof connection.destroy === 'function') connection.destroy();
      else Promise.resolve(connection.release()).catch(ignore);
    };
    const work = async (isOver: () => boolean): Promise<T> => {
      const connection = await this.#pool.getConnection();
      held = connection;
      // It came too late, and its caller has gone.
      if (isOver()) giveBack(false);
      return steps(askThrough(connection, isOver, this.#settings));
    };
    try {
      const result = await inTime(work, this.#settings, late);
      giveBack(false);
      return result;
    } catch (error) {
      giveBack(isConnectionLost(error));
      throw error;
    }
  }
}

/** Makes a call that must end in time. A result that comes too late goes to `late`, and is never returned. */
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
        return await runStatement(client, sql, values, prepare);
      } catch (error) {
        if (tries === TRIES || !isTransient(error)) throw error;
      }
    }
  };
}

/** A pool or connection may be set to return rows in another shape; each client takes its own word for it with the statement. */
const PLAIN_RESULTS = { rowsAsArray: false, namedPlaceholders: false, nestTables: false };

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for answers of another shape: from a client of another database, for example. */
export async function runStatement(
  client: Queryable,
  sql: string,
  values: readonly unknown[],
  prepare = false,
): Promise<Result> {
  const { execute } = client as { execute?: Queryable['query'] };
  // Both clients have it, and whatever else has a query() may take text alone.
  const isKnown = typeof execute === 'function';
  const statement = (isKnown ? { sql, ...PLAIN_RESULTS } : sql) as string;
  return resultOf(
    await (isKnown && prepare
      ? execute.call(client, statement, [...values])
      : client.query(statement, [...values])),
  );
}

function resultOf(given: unknown): Result {
  // mysql2 returns the result and its fields; mariadb the result alone.
  const isPair =
    Array.isArray(given) && given.length === 2 && (Array.isArray(given[0]) || isHeader(given[0]));
  const result: unknown = isPair ? given[0] : given;
  if (Array.isArray(result)) return { rows: result, affectedRows: 0, insertId: 0 };
  if (isHeader(result)) {
    return { rows: [], affectedRows: Number(result.affectedRows), insertId: Number(result.insertId) };
  }
  throw configError(
    'query(sql, values) of the given pool or connection must return what mysql2 or mariadb return: rows, or an object with "affectedRows".',
  );
}

function isHeader(value: unknown): value is { affectedRows: unknown; insertId?: unknown } {
  return typeof value === 'object' && value !== null && 'affectedRows' in value;
}
