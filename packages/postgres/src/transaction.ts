import { randomBytes } from 'node:crypto';
import { type Clock, WebhookError } from '@countersign/core';
import { configError, withDeadline } from '@countersign/core/extend';
import { deadlineOf, ignore, type Queryable, queryRows, type Row } from './connection.ts';
import { CURRENT_TRANSACTION, hoursOf, intervalOf, LOOKED, type Statements } from './statements.ts';
import { isConnectionLost, isLockTimeout, isTransient, sqlStateOf, storeError } from './store-error.ts';
import type { TableNames } from './table.ts';

export interface TransactionSettings {
  readonly statements: Statements;
  readonly names: TableNames;
  readonly timeoutMs: number;
  readonly lockMs: string;
  readonly clock: Clock;
}

/** What the store remembers about a delivery. */
export interface DeliveryRecord {
  readonly key: Buffer;
  readonly ttlMs: number;
}

/** What the record says, read outside of any transaction. */
interface Found {
  /** Whether there is a row, expired or not. */
  readonly present: boolean;
  readonly committed: boolean;
  /** What remains of the lease of a claim; at most 0 if no claim is held. */
  readonly leftMs: number;
  /** The connection's own setting. */
  readonly lockTimeout: unknown;
  /** Unique for this read. It stays set if the read took place in a transaction after all. */
  readonly mark: string;
}

const TRIES = 5;
const SOON_SECONDS = 1;

/** The transaction of one delivery, from the first read of its record to the commit. */
export class Transaction {
  readonly #client: Queryable;
  readonly #record: DeliveryRecord;
  readonly #begin: string;
  readonly #settings: TransactionSettings;
  #id: unknown;
  /** Whether there is something to roll back. */
  #isOpen = false;
  #isBroken = false;

  constructor(
    client: Queryable,
    record: DeliveryRecord,
    isolation: string | undefined,
    settings: TransactionSettings,
  ) {
    this.#client = client;
    this.#record = record;
    this.#begin = isolation === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${isolation.toUpperCase()}`;
    this.#settings = settings;
  }

  /** Runs the work. However it ends, the client is left without a transaction. */
  async guarded<T>(work: () => Promise<T>): Promise<T> {
    const { on, removeListener } = this.#client as Partial<NodeJS.EventEmitter>;
    on?.call(this.#client, 'error', ignore);
    try {
      return await work();
    } finally {
      await this.#rollBack();
      // A connection that was ended may still emit an error.
      if (!this.#isBroken) removeListener?.call(this.#client, 'error', ignore);
    }
  }

  /** Begins and remembers the delivery, or finds that it is already handled. */
  async open(): Promise<'open' | 'duplicate'> {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await this.#look();
      if (found.committed) {
        // In a transaction that was already open, it may see its own writes, which may never be committed.
        await this.#refuseNested(found.mark);
        return 'duplicate';
      }
      if (found.leftMs > 0) throw inProgress(found.leftMs / 1000);
      if (await this.#remember(found)) return 'open';
      await this.#rollBack();
    }
    throw inProgress(SOON_SECONDS);
  }

  async handle<T>(handler: () => T | Promise<T>): Promise<T> {
    try {
      return await handler();
    } catch (error) {
      // The handler is not at fault: the whole transaction must be tried again, by the sender's retry.
      throw isTransient(error) ? storeError(error, this.#settings.names) : error;
    }
  }

  async commit(): Promise<void> {
    await this.#checkUnended();
    let ended: unknown;
    try {
      ended = await this.#query('COMMIT');
    } catch (error) {
      throw isRefusal(error) ? error : this.#failure(error);
    }
    this.#isOpen = false;
    if ((ended as { command?: unknown } | null)?.command === 'ROLLBACK') throw swallowed();
  }

  async #look(): Promise<Found> {
    const mark = randomBytes(16).toString('hex');
    const [row] = await this.#rows(this.#settings.statements.look, [this.#record.key, mark]).catch(
      (error) => {
        throw this.#failure(error);
      },
    );
    return {
      mark,
      present: row?.present === true,
      committed: row?.committed === true,
      leftMs: Number(row?.remaining ?? 0),
      lockTimeout: row?.locktimeout,
    };
  }

  /** `false`: another transaction came first, so read again. */
  async #remember({ mark, present, lockTimeout }: Found): Promise<boolean> {
    const { statements, lockMs } = this.#settings;
    const { key, ttlMs } = this.#record;
    try {
      this.#isOpen = true;
      await this.#query(this.#begin);
      const statement = present ? statements.rememberPresent : statements.rememberAbsent;
      const kept = [intervalOf(ttlMs), hoursOf(ttlMs)];
      const [row] = await this.#rows(statement, [key, ...kept, mark, lockMs, lockTimeout]);
      if (row === undefined) await this.#refuseNested(mark);
      this.#id = row?.xid;
      return row !== undefined;
    } catch (error) {
      if (isTransient(error)) return false;
      throw isLockTimeout(error) ? inProgress(SOON_SECONDS) : this.#failure(error);
    }
  }

  /** In a transaction that was already open, our `BEGIN` did nothing, and our `COMMIT` would end someone else's transaction. */
  async #refuseNested(mark: string): Promise<void> {
    const [row] = await this.#rows(`SELECT current_setting('${LOOKED}', true) = $1 AS nested`, [mark]).catch(
      (error) => {
        throw this.#failure(error);
      },
    );
    if (row?.nested !== true) return;
    this.#isOpen = false;
    throw configError(
      'The client passed to run() is already in a transaction, but run() begins and commits its own. ' +
        'Call run() outside of a transaction, and write in its handler what must commit together.',
    );
  }

  /** The handler may have swallowed an error after which nothing commits, or may have ended our transaction. */
  async #checkUnended(): Promise<void> {
    let row: Row | undefined;
    try {
      [row] = await this.#rows(CURRENT_TRANSACTION, []);
    } catch (error) {
      throw sqlStateOf(error) === '25P02' ? swallowed() : this.#failure(error);
    }
    if (row?.xid === this.#id) return;
    throw configError(
      'The handler passed to run() ended the transaction. Leave BEGIN, COMMIT and ROLLBACK to run().',
    );
  }

  async #rollBack(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#query('ROLLBACK').catch(() => this.#breakOff());
  }

  /** Ends a connection in an unknown state, so that nothing uses it again. */
  #breakOff(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    const { end } = this.#client as { end?: () => Promise<void> };
    Promise.resolve(end?.call(this.#client)).catch(ignore);
  }

  #rows(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    return this.#inTime(queryRows(this.#client, text, values));
  }

  #query(text: string): Promise<unknown> {
    return this.#inTime(this.#client.query(text));
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    try {
      return await withDeadline(() => work, deadlineOf(this.#settings));
    } catch (error) {
      if (isConnectionLost(error)) this.#breakOff();
      throw error;
    }
  }

  #failure(error: unknown): WebhookError {
    return storeError(error, this.#settings.names);
  }
}

function inProgress(seconds: number): WebhookError {
  return new WebhookError('ERR_WEBHOOK_IN_PROGRESS', 'The same delivery is being handled right now.', {
    retryAfterSeconds: Math.min(30, Math.max(1, Math.ceil(seconds))),
  });
}

/** Whether a deferred constraint or trigger of the handler's own tables refused what it wrote. */
function isRefusal(error: unknown): boolean {
  return /^(?:22|23|27|38|44|P0)/.test(sqlStateOf(error) ?? '');
}

function swallowed(): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_STORE_UNAVAILABLE',
    'A statement of the handler passed to run() failed, but the handler continued, so nothing was committed. Let the handler throw, or use a savepoint.',
  );
}
