import { checkKeys, configError } from '@countersign/core/extend';
import { isPool, isQueryable, type Queryable } from './connection.ts';
import { type DeliveryRecord, Transaction, type TransactionSettings } from './transaction.ts';

/** Options of {@link PostgresReplayStore.run}. */
export interface RunOptions {
  /** The isolation level of the transaction. Default: the connection's own level, which is `read committed` unless you changed it. */
  isolation?: 'read committed' | 'repeatable read' | 'serializable';
}

/** Whether the delivery was handled now or earlier. */
export type RunResult<T> = { state: 'done'; result: T } | { state: 'duplicate' };

const ISOLATION = ['read committed', 'repeatable read', 'serializable'];

/** Remembers a delivery and runs its handler in one transaction. */
export async function runInTransaction<C extends Queryable, T>(
  client: C,
  record: DeliveryRecord,
  handler: (client: C) => T | Promise<T>,
  options: RunOptions,
  settings: TransactionSettings,
): Promise<RunResult<T>> {
  options = checkKeys('run()', options, ['isolation']);
  const { isolation } = options;
  if (isolation !== undefined && !ISOLATION.includes(isolation)) {
    throw configError(`"isolation" must be one of: ${ISOLATION.join(', ')}.`);
  }
  checkClient(client);
  if (typeof handler !== 'function') throw configError('run() needs a handler: (client) => …');
  const transaction = new Transaction(client, record, isolation, settings);
  return transaction.guarded(async () => {
    if ((await transaction.open()) === 'duplicate') return { state: 'duplicate' };
    const result = await transaction.handle(() => handler(client));
    await transaction.commit();
    return { state: 'done', result };
  });
}

function checkClient(client: unknown): void {
  if (!isQueryable(client))
    throw configError('run() needs a client with query(text, values). Pass one of await pool.connect().');
  if (isPool(client)) {
    throw configError(
      'run() needs a single client, but this is a pool, whose statements each use another connection. Pass one of await pool.connect().',
    );
  }
}
