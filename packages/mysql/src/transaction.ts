import { type ClaimResult, type ClaimToken, type Clock, WebhookError } from '@countersign/core';
import { configError } from '@countersign/core/options';
import { type Ask, deadlineOf, type Queryable, type Result, runStatement } from './connection.ts';
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
  readonly leaseMs: number;
  claim(ask: Ask, leaseMs: number): Promise<ClaimResult>;
  /** Marks the delivery as handled, if the claim is still ours. */
  readonly commit: { readonly sql: string; values(token: ClaimToken): readonly unknown[] };
  /** These two on a connection of the store's own. */
  renew(token: ClaimToken, leaseMs: number): Promise<boolean>;
  release(token: ClaimToken): Promise<boolean>;
}

// A savepoint lives as long as its transaction. So it tells, on both servers and through any client, whether a transaction is open,
// and whether it is still the one that was begun.
const SAVEPOINT = 'countersign_run';
const PROBE = 'countersign_probe';
const SOON_SECONDS = 1;

/** The run of one delivery: its claim, the transaction of its handler, and the commit of both. */
export class Transaction {
  readonly #client: Queryable;
  readonly #isolation: string | undefined;
  readonly #settings: TransactionSettings;
  #token: ClaimToken | undefined;
  /** Whether there is something to roll back. */
  #isOpen = false;
  #isBroken = false;
  #cancelRenewal: () => void = () => undefined;

  constructor(client: Queryable, isolation: string | undefined, settings: TransactionSettings) {
    this.#client = client;
    this.#isolation = isolation;
    this.#settings = settings;
  }

  /** Runs all of it. However it ends, it leaves the client without a transaction, and the delivery without a claim. */
  async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.#cancelRenewal();
      await this.#rollBack();
      await this.#giveBack();
    }
  }

  /** Claims the delivery and begins; or finds that it is handled already. */
  async open(): Promise<'open' | 'duplicate'> {
    await this.#refuseNested();
    const claim = await this.#attempt(() =>
      this.#settings.claim((sql, values) => this.#ask(sql, values), this.#settings.leaseMs),
    );
    if (claim.state === 'committed') return 'duplicate';
    if (claim.state === 'in-progress') throw inProgress(claim.retryAfterMs / 1000);
    this.#token = claim.token;
    this.#renewLater();
    await this.#attempt(async () => {
      if (this.#isolation !== undefined) {
        await this.#ask(`SET TRANSACTION ISOLATION LEVEL ${this.#isolation.toUpperCase()}`);
      }
      this.#isOpen = true;
      await this.#ask('START TRANSACTION');
      await this.#ask(`SAVEPOINT ${SAVEPOINT}`);
    });
    return 'open';
  }

  async handle<T>(handler: () => T | Promise<T>): Promise<T> {
    try {
      return await handler();
    } catch (error) {
      // Nothing is wrong with the handler: the whole transaction has to be tried again, which is the sender's business.
      throw isTransient(error) || isLockTimeout(error) ? storeError(error, this.#settings.names) : error;
    }
  }

  async commit(): Promise<void> {
    await this.#checkUnended();
    const { sql, values } = this.#settings.commit;
    const token = this.#token as ClaimToken;
    await this.#attempt(async () => {
      const { affectedRows } = await this.#ask(sql, values(token));
      if (affectedRows === 0) throw inProgress(SOON_SECONDS);
      await this.#ask('COMMIT');
    });
    this.#isOpen = false;
    this.#token = undefined;
  }

  /** `START TRANSACTION` would commit what its caller has begun. */
  async #refuseNested(): Promise<void> {
    await this.#attempt(async () => {
      await this.#ask(`SAVEPOINT ${PROBE}`);
      try {
        await this.#ask(`RELEASE SAVEPOINT ${PROBE}`);
      } catch (error) {
        if (isSavepointMissing(error)) return;
        throw error;
      }
      throw configError(
        'The connection given to run() is in a transaction already, or has autocommit off, and run() begins and commits a transaction by itself. ' +
          'Call run() outside of it, and do in its handler what must commit together.',
      );
    });
  }

  /** The handler may have ended our transaction, or have swallowed the deadlock that ended it. */
  async #checkUnended(): Promise<void> {
    try {
      await this.#ask(`RELEASE SAVEPOINT ${SAVEPOINT}`);
    } catch (error) {
      if (!isSavepointMissing(error)) throw this.#failure(error);
      throw configError(
        'The transaction of run() had ended before its handler did: by COMMIT or ROLLBACK, by a statement that commits implicitly, such as CREATE TABLE, ' +
          'or by a deadlock whose error the handler caught. Leave transactions to run(), and let errors of statements be thrown.',
      );
    }
  }

  // On another connection than the transaction's, which may be busy. What a failed renewal means is decided by the commit.
  #renewLater(): void {
    const { clock, leaseMs, renew } = this.#settings;
    this.#cancelRenewal = clock.schedule(() => {
      const token = this.#token;
      if (token === undefined) return;
      this.#renewLater();
      renew(token, leaseMs).catch(() => undefined);
    }, leaseMs / 3);
  }

  async #rollBack(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#ask('ROLLBACK').catch(() => this.#breakOff());
  }

  /** So that the sender's retry need not wait for the end of the lease. If a COMMIT got no answer, the token decides. */
  async #giveBack(): Promise<void> {
    const token = this.#token;
    this.#token = undefined;
    if (token === undefined) return;
    const released = this.#settings.release(token).catch(() => undefined);
    if (!this.#isBroken) await released;
  }

  /** A connection is not used again if it is not known what it is doing. */
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
    const deadline = deadlineOf(this.#settings);
    try {
      return await deadline.race(runStatement(this.#client, sql, values));
    } catch (error) {
      if (isConnectionLost(error)) this.#breakOff();
      throw error;
    } finally {
      deadline.end();
    }
  }

  #failure(error: unknown): WebhookError {
    return storeError(error, this.#settings.names);
  }
}

function inProgress(seconds: number): WebhookError {
  return new WebhookError('ERR_WEBHOOK_IN_PROGRESS', 'The same delivery is being handled at this moment.', {
    retryAfterSeconds: Math.min(30, Math.max(1, Math.ceil(seconds))),
  });
}
