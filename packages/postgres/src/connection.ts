import { createHash } from 'node:crypto';
import type { Clock } from '@countersign/core';
import { configError } from '@countersign/core/extend';
import { type Deadline, startDeadline } from './deadline.ts';
import { isConnectionLost, isTransient } from './store-error.ts';

/** What runs a statement: a Pool or a Client of `pg`, or anything else with this method. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** Runs one statement. Where it had to give way to another one, it is tried again. */
export type Ask = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;
export type Row = Readonly<Record<string, unknown>>;

/** Statements of the store's own, each a transaction of its own. */
export interface Connection {
  /** Runs steps that together end within the deadline, on one connection. */
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
  /** Statements have names: each connection parses and plans each of them once. */
  readonly prepare: boolean;
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for what can run no statement. */
export function connectionTo(owner: string, pool: unknown, settings: ConnectionSettings): Connection {
  if (!isQueryable(pool)) {
    const hint = typeof pool === 'string' ? ' Make one: new Pool({ connectionString }).' : '';
    throw configError(
      `${owner} wants a Pool of "pg" as its pool, or anything with query(text, values) that gives { rows }.${hint}`,
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

/** A client lost between two statements says so by an event, which ends the process where nobody listens. The next statement tells. */
export function ignore(): void {}

/** A single client does one thing at a time, so calls wait for each other; anything else takes them as they come. */
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

  async use<T>(steps: (ask: Ask) => Promise<T>): Promise<T> {
    const deadline = startDeadline(this.#settings);
    const ask = askThrough(this.#client, deadline, this.#settings);
    const work = this.#isSingle ? this.#free.then(() => steps(ask)) : steps(ask);
    this.#free = work.catch(ignore);
    try {
      return await deadline.race(work);
    } finally {
      deadline.end();
    }
  }
}

/** Takes a connection for as long as the steps take, and takes it out of the pool where it hangs: it would hang for others too. */
class PooledConnection implements Connection {
  readonly #pool: Pool;
  readonly #settings: ConnectionSettings;

  constructor(pool: Pool, settings: ConnectionSettings) {
    this.#pool = pool;
    this.#settings = settings;
  }

  async use<T>(steps: (ask: Ask) => Promise<T>): Promise<T> {
    const deadline = startDeadline(this.#settings);
    let held: PooledClient | undefined;
    const giveBack = (destroy: boolean) => {
      held?.removeListener?.('error', ignore);
      held?.release(destroy);
      held = undefined;
    };
    const work = async (): Promise<T> => {
      const client = await connectionOf(this.#pool);
      held = client;
      // It came too late, and nobody waits for it any more.
      if (deadline.isOver) giveBack(false);
      return steps(askThrough(client, deadline, this.#settings));
    };
    try {
      const result = await deadline.race(work());
      giveBack(false);
      return result;
    } catch (error) {
      giveBack(isConnectionLost(error));
      throw error;
    } finally {
      deadline.end();
    }
  }
}

/** By callback: where the server ends a connection in the breath in which it greets, it says so before a promise would. */
function connectionOf(pool: Pool): Promise<PooledClient> {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) {
        reject(error);
        return;
      }
      client.on?.('error', ignore);
      resolve(client);
    });
  });
}

const TRIES = 5;

function askThrough(client: Queryable, deadline: Deadline, { prepare }: ConnectionSettings): Ask {
  return async function ask(text, values = []) {
    const query = prepare ? { name: nameOf(text), text } : text;
    for (let tries = 1; ; tries++) {
      deadline.check();
      try {
        return await queryRows(client, query, values);
      } catch (error) {
        if (tries === TRIES || !isTransient(error)) throw error;
      }
    }
  };
}

// One name for one text, whatever table it is on: `pg` refuses another text under a name that it knows.
function nameOf(text: string): string {
  return `countersign_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}

/** A statement as `pg` prepares it. */
interface NamedQuery {
  readonly name: string;
  readonly text: string;
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for answers of another shape: a client of another database, say. */
export async function queryRows(
  client: Queryable,
  query: string | NamedQuery,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  const result: unknown = await client.query(query as string, [...values]);
  const { rows } = (result ?? {}) as { rows?: unknown };
  if (Array.isArray(rows)) return rows;
  throw configError(
    'query(text, values) of the given pool or client gave no { rows }: it must answer as "pg" does.',
  );
}
