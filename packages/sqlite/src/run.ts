import type { WebhookError } from '@countersign/core';
import { type ClaimResult, configError, inProgress, type LeasedRunResult } from '@countersign/core/extend';
import type { SqliteDatabase } from './database.ts';

/** What became of a delivery: handled now, or handled before. */
export type RunResult<T> = LeasedRunResult<T>;

/**
 * Remembers a delivery and runs its handler in one transaction, which holds the database's write lock.
 *
 * @param remember Returns what keeps the delivery from running; `undefined` if nothing does, and it is remembered.
 * @param failure Names what SQLite says to the store's own statements.
 * @returns What went wrong inside of the transaction as `error`, so that it can't be taken for a lock that was not to be had.
 * @throws What SQLite says if the transaction can not begin.
 */
export function runInTransaction<D extends SqliteDatabase, T>(
  database: D,
  remember: () => Exclude<ClaimResult, { state: 'claimed' }> | undefined,
  handler: (database: D) => T,
  failure: (error: unknown) => WebhookError,
): RunResult<T> | { error: unknown } {
  begin(database);
  try {
    const found = named(remember, failure);
    if (found?.state === 'in-progress') throw inProgress(found.retryAfterMs);
    if (found?.state === 'committed') {
      rollBack(database);
      return { state: 'duplicate' };
    }
    const result = handler(database);
    refusePromise(result);
    named(() => commit(database), failure);
    return { state: 'done', result };
  } catch (error) {
    rollBack(database);
    return { error };
  }
}

function named<T>(step: () => T, failure: (error: unknown) => WebhookError): T {
  try {
    return step();
  } catch (error) {
    throw failure(error);
  }
}

function refusePromise(result: unknown): void {
  const { then } = (result ?? {}) as Partial<PromiseLike<unknown>>;
  if (typeof then !== 'function') return;
  // Its own failure is not heard any more.
  then.call(result, undefined, () => undefined);
  throw configError(
    'The handler of run() must not be asynchronous: every other statement of this process would become part of its transaction. Wait for everything else first, and only write in run().',
  );
}

function begin(database: SqliteDatabase): void {
  try {
    database.exec('BEGIN IMMEDIATE');
  } catch (error) {
    if (error instanceof Error && /within a transaction/.test(error.message)) {
      throw configError(
        'The database is in a transaction already, and run() begins and commits one by itself. Call run() outside of it.',
      );
    }
    throw error;
  }
}

function commit(database: SqliteDatabase): void {
  try {
    database.exec('COMMIT');
  } catch (error) {
    if (error instanceof Error && /no transaction is active/.test(error.message)) {
      throw configError(
        'The handler of run() ended the transaction by itself: leave BEGIN, COMMIT and ROLLBACK to run().',
      );
    }
    throw error;
  }
}

/** Some errors have undone the transaction already. */
function rollBack(database: SqliteDatabase): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // Nothing is left to undo.
  }
}
