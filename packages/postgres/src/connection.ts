import { createHash } from 'node:crypto';
import type { Clock } from '@countersign/core';
import { configError, type DeadlineOptions, withDeadline } from '@countersign/core/extend';
import {
  isNameProblem,
  isReusable,
  isTransient,
  noteConnectFailure,
  Overdue,
  Uncommitted,
} from './store-error.ts';

/** Runs a statement: a Pool or a Client of `pg`, or anything else with this method. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** Runs one statement. If PostgreSQL aborted it in favor of a concurrent one, it is tried again. */
export type Ask = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;
export type Row = Readonly<Record<string, unknown>>;

/** Runs the store's statements, each in its own transaction. */
export interface Connection {
  /** Runs steps on one connection; all of them together have one deadline. */
  use<T>(steps: (ask: Ask) => Promise<T>): Promise<T>;
}

interface Pool extends Queryable {
  readonly totalCount: number;
  connect(done: (error: Error | undefined | null, client?: PooledClient) => void): void;
}
interface PooledClient extends Queryable {
  release(destroy?: boolean): void;
  on?(event: 'error', listener: () => void): unknown;
  removeListener?(event: 'error', listener: () => void): unknown;
}

export interface ConnectionSettings {
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly naming: Naming;
  /** Whether the statements may become part of a transaction of the caller. */
  readonly joinsTransaction?: boolean;
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` if `pool` can't run a statement. */
export function connectionTo(owner: string, pool: unknown, settings: ConnectionSettings): Connection {
  if (!isQueryable(pool)) {
    const hint = typeof pool === 'string' ? ' Create one: new Pool({ connectionString }).' : '';
    throw configError(
      `"pool" of ${owner} must be a Pool of "pg", or an object with query(text, values) that returns { rows }.${hint}`,
    );
  }
  if (isPool(pool)) return new PooledConnection(pool, settings);
  return new PlainConnection(pool, settings);
}

export function isQueryable(value: unknown): value is Queryable {
  return typeof (value as Partial<Queryable> | null | undefined)?.query === 'function';
}

/** Whether each statement may go to another connection. */
export function isPool(value: Queryable): value is Pool {
  const { connect, totalCount } = value as Partial<Pool>;
  return typeof connect === 'function' && typeof totalCount === 'number';
}

/** A client that loses its connection between two statements emits an event, which ends the process if nothing listens. The next statement fails anyway. */
export function ignore(): void {}

/** A single client runs one statement at a time, so calls wait for each other; anything else gets them as they come. */
class PlainConnection implements Connection {
  readonly #client: Queryable;
  readonly #settings: ConnectionSettings;
  readonly #isSingle: boolean;
  #free: Promise<unknown> = Promise.resolve();

  constructor(client: Queryable, settings: ConnectionSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#isSingle = typeof (client as { connect?: unknown }).connect === 'function';
  }

  use<T>(steps: (ask: Ask) => Promise<T>): Promise<T> {
    return withDeadline((isOver) => {
      const ask = askThrough(this.#client, isOver, this.#settings);
      const work = this.#isSingle ? this.#free.then(() => steps(ask)) : steps(ask);
      this.#free = work.catch(ignore);
      return work;
    }, deadlineOf(this.#settings));
  }
}

/**
 * Takes a connection for as long as the steps take. A connection that hangs or takes no writes is removed from the pool, because it
 * would fail for others too.
 */
class PooledConnection implements Connection {
  readonly #pool: Pool;
  readonly #settings: ConnectionSettings;

  constructor(pool: Pool, settings: ConnectionSettings) {
    this.#pool = pool;
    this.#settings = settings;
  }

  async use<T>(steps: (ask: Ask) => Promise<T>): Promise<T> {
    let held: PooledClient | undefined;
    const giveBack = (destroy: boolean) => {
      held?.removeListener?.('error', ignore);
      held?.release(destroy);
      held = undefined;
    };
    const work = async (isOver: () => boolean): Promise<T> => {
      const client = await connectionOf(this.#pool);
      held = client;
      // The connection came too late, and nothing waits for it any more.
      if (isOver()) giveBack(false);
      return steps(askThrough(client, isOver, this.#settings));
    };
    try {
      const result = await withDeadline(work, deadlineOf(this.#settings));
      giveBack(false);
      return result;
    } catch (error) {
      giveBack(!isReusable(error));
      throw error;
    }
  }
}

/**
 * Runs the work with a connection of the pool, and gives it back. The pool itself removes a connection that has ended.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a single client, because other calls of the store would run in its transaction.
 */
export async function withClientOf<T>(
  pool: Queryable,
  settings: Pick<ConnectionSettings, 'timeoutMs' | 'clock'>,
  work: (client: Queryable) => Promise<T>,
): Promise<T> {
  if (!isPool(pool)) {
    throw configError(
      'run(webhook, handler) needs a store whose "pool" is a Pool of "pg". Pass a client that nothing else uses: run(client, webhook, handler).',
    );
  }
  const giveBack = (client: PooledClient) => {
    client.removeListener?.('error', ignore);
    client.release();
  };
  const client = await withDeadline(() => connectionOf(pool), { ...deadlineOf(settings), late: giveBack });
  try {
    return await work(client);
  } finally {
    giveBack(client);
  }
}

/** Uses a callback: if the server closes the connection right after greeting, the callback hears it before a promise would. */
function connectionOf(pool: Pool): Promise<PooledClient> {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) {
        noteConnectFailure(error);
        reject(error);
        return;
      }
      client.on?.('error', ignore);
      resolve(client);
    });
  });
}

/** A response counts if it arrives before the timer fires. The verifier decides whether it still helps. */
export function deadlineOf<T>({
  timeoutMs,
  clock,
}: Pick<ConnectionSettings, 'timeoutMs' | 'clock'>): DeadlineOptions<T> {
  return { timeoutMs, clock, overdue: () => new Overdue(timeoutMs) };
}

/**
 * Whether statements have names, so that each connection parses and plans each of them once. If nobody decided, those of `pg`'s own
 * clients have, until one of them turns out to share the connections of its server with others, as behind a pooler in transaction mode.
 */
export class Naming {
  readonly #wanted: boolean | undefined;
  #isShared = false;

  constructor(wanted: boolean | undefined) {
    this.#wanted = wanted;
  }

  queryOf(client: Queryable, text: string): string | NamedQuery {
    const named = this.#wanted ?? (!this.#isShared && keepsStatements(client));
    return named ? { name: nameOf(text), text } : text;
  }

  /** Whether the statement did not run because of its name, and no further one gets one. */
  isCauseOf(error: unknown): boolean {
    if (this.#wanted !== undefined || !isNameProblem(error)) return false;
    this.#isShared = true;
    return true;
  }
}

/** Whether it is a client of `pg` in JavaScript, which remembers the statements that its connection has. */
function keepsStatements(client: Queryable): boolean {
  const { connection } = client as { connection?: { parsedStatements?: unknown } };
  return typeof connection?.parsedStatements === 'object';
}

const TRIES = 5;

function askThrough(
  client: Queryable,
  isOver: () => boolean,
  { naming, timeoutMs, joinsTransaction = false }: ConnectionSettings,
): Ask {
  return async function ask(text, values = []) {
    for (let tries = 1; ; tries++) {
      if (isOver()) throw new Overdue(timeoutMs);
      try {
        const rows = await queryRows(client, naming.queryOf(client, text), values);
        if (!joinsTransaction && isInTransaction(client)) throw new Uncommitted();
        return rows;
      } catch (error) {
        if (tries === TRIES || !(naming.isCauseOf(error) || isTransient(error))) throw error;
      }
    }
  };
}

/** Whether a transaction is open after a statement, as far as the client shows that: `pg` does. */
function isInTransaction(client: Queryable): boolean {
  const { getTransactionStatus } = client as { getTransactionStatus?: () => unknown };
  return typeof getTransactionStatus === 'function' && getTransactionStatus.call(client) === 'T';
}

// Each text has its own name, also if only the table differs: `pg` refuses a different text under a known name.
function nameOf(text: string): string {
  return `countersign_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}

/** A prepared statement, as `pg` takes it. */
interface NamedQuery {
  readonly name: string;
  readonly text: string;
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for results of another shape, for example from a client of another database. */
export async function queryRows(
  client: Queryable,
  query: string | NamedQuery,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  const result: unknown = await client.query(query as string, [...values]);
  const { rows } = (result ?? {}) as { rows?: unknown };
  if (Array.isArray(rows)) return rows;
  throw configError(
    'query(text, values) of the pool or client must return { rows }, as "pg" does. Pass a Pool or Client of "pg".',
  );
}
