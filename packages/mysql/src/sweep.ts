import type { Connection } from './connection.ts';
import { type Statements, SWEEP_ROWS } from './statements.ts';
import { storeError } from './store-error.ts';
import type { TableNames } from './table.ts';

/**
 * Finds expired rows without a lock, then removes them by their keys if they are still expired. Returns the number of removed
 * rows.
 */
export async function removeExpired(
  connection: Connection,
  { findExpired, removeExpired }: Statements,
  names: TableNames,
): Promise<number> {
  try {
    return await connection.use(async (ask) => {
      const { rows } = await ask(findExpired);
      if (rows.length === 0) return 0;
      // Always the same statement: prepared ones add up on each connection, and the server limits their number.
      const keys = Array.from({ length: SWEEP_ROWS }, (_, index) => (rows[index] ?? rows[0])?.key);
      return (await ask(removeExpired, keys)).affectedRows;
    });
  } catch (error) {
    throw storeError(error, names);
  }
}
