import type { Clock, WebhookError } from '@countersign/core';
import { type ClaimToken, configError, inProgress } from '@countersign/core/extend';
import { type Ask, inTime, type Queryable, type Result, runStatement } from './connection.ts';
import {
  isConnectionLost,
  isLockTimeout,
  isSavepointMissing,
  isTransient,
  storeError,
} from './store-error.ts';
import type { TableNames } from './table.ts';

export interface TransactionSettings {
  readonly names: TableNames;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Marks the delivery as handled, if this token still holds the claim. */
  readonly commit: { readonly sql: string; values(token: ClaimToken): readonly unknown[] };
}

// A savepoint exists as long as its transaction. So it shows, on both servers and through any client, whether a transaction is
// open and whether it is still the same one.
const SAVEPOINT = 'countersign_run';
const PROBE = 'countersign_probe';
const SOON_MS = 1000;

/** The transaction of one delivery's handler, on the caller's connection. */
export class Transaction {
  readonly #client: Queryable;
  readonly #settings: TransactionSettings;
  /** Whether there is something to roll back. */
  #isOpen = false;
  #isBroken = false;
  #isRenewed = false;

  constructor(client: Queryable, settings: TransactionSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  /** Runs the work. However it ends, the client is left without a transaction. */
  async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      await this.#rollBack();
    }
  }

  /** Runs statements on the same connection. */
  attempt<T>(steps: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#attempt(() => steps((sql, values) => this.#ask(sql, values)));
  }

  async begin(isolation: string | undefined): Promise<void> {
    await this.#attempt(async () => {
      if (isolation !== undefined)
        await this.#ask(`SET TRANSACTION ISOLATION LEVEL ${isolation.toUpperCase()}`);
      this.#isOpen = true;
      await this.#ask('START TRANSACTION');
      await this.#ask(`SAVEPOINT ${SAVEPOINT}`);
    });
  }

  async handle<T>(handler: () => T | Promise<T>): Promise<T> {
    try {
      return await handler();
    } catch (error) {
      // The handler is not at fault: the whole transaction must be tried again, by the sender's retry.
      throw isTransient(error) || isLockTimeout(error) ? storeError(error, this.#settings.names) : error;
    }
  }

  async commit(token: ClaimToken): Promise<void> {
    await this.#checkUnended();
    const { sql, values } = this.#settings.commit;
    await this.#attempt(async () => {
      const { affectedRows } = await this.#ask((await this.#pastSnapshot()) + sql, values(token));
      if (affectedRows === 0) throw inProgress(SOON_MS);
      await this.#ask('COMMIT');
    });
    this.#isOpen = false;
  }

  /** The lease of the delivery is being renewed, by another connection. */
  noteRenewal(): void {
    this.#isRenewed = true;
  }

  /**
   * MariaDB with `innodb_snapshot_isolation`, its default since 11.6, refuses to change a row that is newer than the snapshot of the
   * transaction. Each renewal makes the record newer, so it is exempted, and nothing else.
   */
  async #pastSnapshot(): Promise<string> {
    if (!this.#isRenewed) return '';
    const { rows } = await this.#ask(
      "SHOW VARIABLES WHERE Variable_name = 'innodb_snapshot_isolation' AND Value = 'ON'",
    );
    return rows.length === 0 ? '' : 'SET STATEMENT innodb_snapshot_isolation = OFF FOR ';
  }

  /** `START TRANSACTION` would commit the caller's open transaction. */
  async refuseNested(): Promise<void> {
    await this.#attempt(async () => {
      await this.#ask(`SAVEPOINT ${PROBE}`);
      try {
        await this.#ask(`RELEASE SAVEPOINT ${PROBE}`);
      } catch (error) {
        if (isSavepointMissing(error)) return;
        throw error;
      }
      throw configError(
        'The connection passed to run() is already in a transaction or has autocommit off, but run() begins and commits its own. ' +
          'Call run() outside of a transaction, and write in its handler what must commit together.',
      );
    });
  }

  /** The handler may have ended our transaction, or swallowed the deadlock that ended it. */
  async #checkUnended(): Promise<void> {
    try {
      await this.#ask(`RELEASE SAVEPOINT ${SAVEPOINT}`);
    } catch (error) {
      if (!isSavepointMissing(error)) throw this.#failure(error);
      throw configError(
        'The transaction of run() ended before its handler did: by COMMIT or ROLLBACK, by a statement that commits implicitly, for example CREATE TABLE, ' +
          'or by a deadlock whose error the handler caught. Leave transactions to run(), and let the handler throw the errors of statements.',
      );
    }
  }

  async #rollBack(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#ask('ROLLBACK').catch(() => this.#breakOff());
  }

  /** A connection in an unknown state is not used again. */
  #breakOff(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    const { destroy } = this.#client as { destroy?: () => void };
    destroy?.call(this.#client);
  }

  async #attempt<T>(steps: () => Promise<T>): Promise<T> {
    try {
      return await steps();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async #ask(sql: string, values: readonly unknown[] = []): Promise<Result> {
    try {
      return await inTime(() => runStatement(this.#client, sql, values), this.#settings);
    } catch (error) {
      if (isConnectionLost(error)) this.#breakOff();
      throw error;
    }
  }

  #failure(error: unknown): WebhookError {
    return storeError(error, this.#settings.names);
  }
}
