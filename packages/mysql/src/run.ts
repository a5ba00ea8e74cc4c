import {
  type ClaimResult,
  type ClaimToken,
  checkKeys,
  checkNumber,
  configError,
  type LeasedRunResult,
  runUnderLease,
} from '@countersign/core/extend';
import { type Ask, isPool, isQueryable, type Queryable, withPromises } from './connection.ts';
import { Transaction, type TransactionSettings } from './transaction.ts';

/** Options of {@link MysqlReplayStore.run}. */
export interface RunOptions {
  /**
   * The isolation level of the transaction. Default: the connection's own level, which is `repeatable read` unless you changed
   * it.
   */
  isolation?: 'read committed' | 'repeatable read' | 'serializable';
  /**
   * How long the claim lasts if it is not renewed, in seconds. If the process dies in its handler, a retry can run after that.
   * Default: 30.
   */
  leaseSeconds?: number;
}

/** Whether the delivery was handled now or earlier. */
export type RunResult<T> = LeasedRunResult<T>;

export interface RunSettings extends TransactionSettings {
  claim(ask: Ask, leaseMs: number): Promise<ClaimResult>;
  /** These two use a connection of the store, because the transaction's connection may be busy. */
  renew(token: ClaimToken, leaseMs: number): Promise<boolean>;
  release(token: ClaimToken): Promise<boolean>;
}

const ISOLATION = ['read committed', 'repeatable read', 'serializable'];

/** Claims a delivery, runs its handler in a transaction, and commits both together. */
export async function runInTransaction<C extends Queryable, T>(
  client: C,
  handler: (client: C) => T | Promise<T>,
  options: RunOptions,
  settings: RunSettings,
): Promise<RunResult<T>> {
  options = checkKeys('run()', options, ['isolation', 'leaseSeconds']);
  const { isolation } = options;
  if (isolation !== undefined && !ISOLATION.includes(isolation)) {
    throw configError(`"isolation" must be one of: ${ISOLATION.join(', ')}.`);
  }
  const leaseMs =
    checkNumber('leaseSeconds', options.leaseSeconds, { min: 1, max: 3600, fallback: 30 }) * 1000;
  const connection = checkClient(client);
  if (typeof handler !== 'function')
    throw configError('The handler of run() must be a function: (connection) => …');
  const transaction = new Transaction(connection, settings);
  await transaction.refuseNested();
  const lease = {
    ...{ clock: settings.clock, leaseMs },
    claim: () => transaction.attempt((ask) => settings.claim(ask, leaseMs)),
    renew(token: ClaimToken) {
      transaction.noteRenewal();
      return settings.renew(token, leaseMs);
    },
    release: settings.release,
  };
  return runUnderLease(lease, (token) =>
    transaction.guarded(async () => {
      await transaction.begin(isolation);
      const result = await transaction.handle(() => handler(client));
      await transaction.commit(token);
      return result;
    }),
  );
}

function checkClient(client: unknown): Queryable {
  const connection = withPromises(client);
  if (!isQueryable(connection)) {
    throw configError(
      'run() needs a connection with query(sql, values). Pass one of await pool.getConnection().',
    );
  }
  if (isPool(connection)) {
    throw configError(
      'run() needs a single connection, but this is the pool, whose statements each use another connection. Pass one of await pool.getConnection().',
    );
  }
  return connection;
}
