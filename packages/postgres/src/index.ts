export type { Queryable } from './connection.ts';
export { type MigrateOptions, migrate, migrationSql } from './migrate.ts';
export {
  type PostgresReplayStore,
  type PostgresReplayStoreOptions,
  postgresReplayStore,
} from './postgres-replay-store.ts';
export type { RunOptions, RunResult } from './run.ts';
export type { TableOptions } from './table.ts';
