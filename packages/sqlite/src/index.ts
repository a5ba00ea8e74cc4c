export type { SqliteDatabase } from './database.ts';
export { type MigrateOptions, migrate, migrationSql } from './migrate.ts';
export type { RunResult } from './run.ts';
export {
  type SqliteReplayStore,
  type SqliteReplayStoreOptions,
  sqliteReplayStore,
} from './sqlite-replay-store.ts';
