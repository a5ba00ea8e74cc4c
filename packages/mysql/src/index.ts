export type { Queryable } from './connection.ts';
export { type MigrateOptions, migrate, migrationSql } from './migrate.ts';
export {
  type MysqlReplayStore,
  type MysqlReplayStoreOptions,
  mysqlReplayStore,
} from './mysql-replay-store.ts';
export type { RunOptions, RunResult } from './run.ts';
export type { TableOptions } from './table.ts';
