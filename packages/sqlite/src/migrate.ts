import { checkKeys } from '@countersign/core/extend';
import { checkDatabase, type SqliteDatabase } from './database.ts';
import { createIndex, createTable } from './records.ts';
import { storeError } from './store-error.ts';
import { type TableOptions, tableNames } from './table.ts';

/** Options of {@link migrate}. */
export type MigrateOptions = TableOptions;

/**
 * Creates the table of {@link sqliteReplayStore} if it is missing. It may run at every start. A store with a `path` calls it by
 * itself.
 *
 * @param database A database of `better-sqlite3` or `node:sqlite`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, `ERR_WEBHOOK_STORE_UNAVAILABLE` if SQLite refuses.
 * @example
 * ```ts
 * migrate(database)
 * ```
 */
export function migrate(database: SqliteDatabase, options: MigrateOptions = {}): void {
  try {
    createIn(checkDatabase('migrate()', database), options);
  } catch (error) {
    throw storeError(error, tableNames(options).table);
  }
}

/** The same, but throws SQLite's own error if SQLite refuses. */
export function createIn(database: SqliteDatabase, options: MigrateOptions): void {
  database.exec(migrationSql(options));
}

/**
 * The statements of {@link migrate} as text, for migration tools, or to read them first.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * await writeFile('migrations/007_webhooks.sql', migrationSql())
 * ```
 */
export function migrationSql(options: MigrateOptions = {}): string {
  options = checkKeys('migrationSql()', options, ['table']);
  const { table, index } = tableNames(options);
  return `-- What @countersign/sqlite remembers about webhook deliveries: one row each. May run again at any time.\n\n${createTable(table)};\n\n${createIndex(index, table)};\n`;
}
