import type { WebhookError } from '@countersign/core';
import { type ClaimResult, configError, inProgress, type LeasedRunResult } from '@countersign/core/extend';
import type { SqliteDatabase } from './database.ts';

/** Whether the delivery was handled now or earlier. */
export type RunResult<T> = LeasedRunResult<T>;

/**
 * Remembers a delivery and runs its handler in one transaction, which holds the database's write lock.
 *
 * @param remember Remembers the delivery, or returns why it must not run.
 * @param failure Makes the error for a failed statement of the store.
 * @returns What went wrong inside of the transaction as `error`, so that it can't be taken for a lock that was not available.
 * @throws SQLite's error if the transaction can't begin.
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
  // Nothing waits for its failure any more.
  then.call(result, undefined, () => undefined);
  throw configError(
    'The handler of run() must not be asynchronous: every other statement of this process would become part of its transaction. Do all waiting before run(), and only write in its handler.',
  );
}

function begin(database: SqliteDatabase): void {
  try {
    database.exec('BEGIN IMMEDIATE');
  } catch (error) {
    if (error instanceof Error && /within a transaction/.test(error.message)) {
      throw configError(
        'The database is already in a transaction, but run() begins and commits its own. Call run() outside of a transaction.',
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
        'The handler of run() ended the transaction. Leave BEGIN, COMMIT and ROLLBACK to run().',
      );
    }
    throw error;
  }
}

/** Some errors have already undone the transaction. */
function rollBack(database: SqliteDatabase): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // Nothing is left to undo.
  }
}
