import { randomBytes } from 'node:crypto';
import { type MysqlReplayStoreOptions, migrate, mysqlReplayStore } from '@countersign/mysql';
import mysql from 'mysql2/promise';
import { acquireMysql } from './mysql-server.ts';

/** A database of a suite's own, in whichever server the suite may use. */
export interface MysqlDatabase {
  readonly url: string;
  readonly name: string;
  readonly pool: mysql.Pool;
  /** A store whose deadline is not the test's subject. */
  store(options?: Partial<MysqlReplayStoreOptions>): ReturnType<typeof mysqlReplayStore>;
  query<R>(text: string, values?: unknown[]): Promise<R[]>;
  /** Lets time pass for all records, by moving them back. */
  advance(ms: number): Promise<void>;
  /** Forgets all records. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function openMysqlDatabase(options: mysql.PoolOptions = {}): Promise<MysqlDatabase> {
  const server = await acquireMysql();
  const database = await mysqlDatabaseOn(server.url, options);
  return {
    ...database,
    async close() {
      await database.query(`DROP DATABASE ${database.name}`);
      await database.close();
      await server.stop();
    },
  };
}

/** The same in a server that belongs to the test. */
export async function mysqlDatabaseOn(
  serverUrl: string,
  options: mysql.PoolOptions = {},
): Promise<MysqlDatabase> {
  const name = `cs_${randomBytes(6).toString('hex')}`;
  const admin = await mysql.createConnection(serverUrl);
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  const url = urlOf(serverUrl, name);
  const pool = mysql.createPool({ uri: url, ...options });
  await migrate(pool);
  async function query<R>(text: string, values?: unknown[]): Promise<R[]> {
    const [rows] = await pool.query(text, values);
    return rows as R[];
  }
  return {
    ...{ url, name, pool, query },
    store: (storeOptions) => mysqlReplayStore({ pool, timeoutMs: 60_000, ...storeOptions }),
    async advance(ms) {
      // Locks every row, and so may be the victim of a deadlock with claims that go on. Nothing has changed then.
      for (let isDone = false; !isDone; ) {
        isDone = await query(
          `UPDATE countersign_replay SET lease_until = lease_until - INTERVAL ? MICROSECOND,
             expires_at = expires_at - INTERVAL ? MICROSECOND, sweep_hour = CEIL(sweep_hour - ? / 3600000)`,
          [ms * 1000, ms * 1000, ms],
        ).then(
          () => true,
          (error: { readonly code?: string }) => {
            if (error.code !== 'ER_LOCK_DEADLOCK') throw error;
            return false;
          },
        );
      }
    },
    async clear() {
      await query('DELETE FROM countersign_replay');
    },
    close: () => pool.end(),
  };
}

export function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}
