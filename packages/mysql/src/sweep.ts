import type { Connection } from './connection.ts';
import type { Statements } from './statements.ts';
import { storeError } from './store-error.ts';
import type { TableNames } from './table.ts';

/** Few rows, so that their locks last only some milliseconds. */
export const SWEEP_ROWS = 500;

/**
 * Finds expired rows without a lock, then removes them by their keys if they are still expired. Returns the number of removed
 * rows.
 */
export async function removeExpired(
  connection: Connection,
  { findExpired, removeExpired }: Statements,
  batchSize: number,
  names: TableNames,
): Promise<number> {
  try {
    return await connection.use(async (ask) => {
      const { rows } = await ask(findExpired + batchSize.toFixed(0));
      if (rows.length === 0) return 0;
      const keys = rows.map(({ key }) => key);
      return (await ask(removeExpired(keys.length), keys)).affectedRows;
    });
  } catch (error) {
    throw storeError(error, names);
  }
}
