import { configError } from '@countersign/core/extend';
import type { Execute, SqlValue } from './records.ts';
import { isBusy } from './store-error.ts';

/** A database of `better-sqlite3` or `node:sqlite`: the methods that both have. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): { all(...values: SqlValue[]): unknown[] };
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for anything else. */
export function checkDatabase(owner: string, database: unknown): SqliteDatabase {
  const { prepare, exec } = (database ?? {}) as Partial<Record<keyof SqliteDatabase, unknown>>;
  if (typeof prepare === 'function' && typeof exec === 'function') return database as SqliteDatabase;
  throw configError(
    `"database" of ${owner} must be a database of better-sqlite3 or node:sqlite. For a file, use "path" of sqliteReplayStore().`,
  );
}

/** Whether a transaction is open, as far as the database shows that. */
export function isInTransaction(database: SqliteDatabase): boolean {
  // better-sqlite3 has the first, node:sqlite of Node 22.16 and later the second.
  const { inTransaction, isTransaction } = database as { inTransaction?: unknown; isTransaction?: unknown };
  return inTransaction === true || isTransaction === true;
}

/** Runs statements on it, each compiled once. */
export function executeOn(database: SqliteDatabase): Execute {
  const compiled = new Map<string, ReturnType<SqliteDatabase['prepare']>>();
  return (sql, ...values) => {
    let statement = compiled.get(sql);
    if (statement === undefined) {
      statement = database.prepare(sql);
      compiled.set(sql, statement);
    }
    return statement.all(...values) as ReturnType<Execute>;
  };
}

/** A database that the store opened, and closes. */
export interface OwnDatabase extends SqliteDatabase {
  close(): unknown;
}

interface Module {
  readonly open: (path: string) => OwnDatabase;
}

/**
 * Opens a file with `node:sqlite` of Node 22.13 and later, or with `better-sqlite3`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if neither is available.
 */
export async function openDatabase(path: string, synchronous: 'normal' | 'full'): Promise<OwnDatabase> {
  const { open } = (await nodeSqlite()) ?? (await betterSqlite());
  const database = open(path);
  try {
    // If SQLite waited, it would block the whole process. So the store waits by itself.
    database.exec('PRAGMA busy_timeout = 0');
    for (let tries = 1; ; tries++) {
      try {
        database.exec('PRAGMA journal_mode = WAL');
        break;
      } catch (error) {
        // Another process is doing the same right now.
        if (!isBusy(error) || tries === 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    database.exec(`PRAGMA synchronous = ${synchronous.toUpperCase()}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

async function nodeSqlite(): Promise<Module | undefined> {
  const name: string = 'node:sqlite';
  try {
    const { DatabaseSync } = await import(name);
    return { open: (path) => new DatabaseSync(path) };
  } catch {
    return undefined;
  }
}

async function betterSqlite(): Promise<Module> {
  try {
    const { default: Database } = await import('better-sqlite3');
    return { open: (path) => new Database(path) };
  } catch (error) {
    throw configError(
      '"path" of sqliteReplayStore() needs node:sqlite, of Node 22.13 and later, or the package better-sqlite3, but neither could be loaded ' +
        `(${error instanceof Error ? error.message.split('\n')[0] : 'unknown reason'}). Run: npm install better-sqlite3.`,
    );
  }
}
