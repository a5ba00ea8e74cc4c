import { randomBytes } from 'node:crypto';
import { migrate, type PostgresReplayStoreOptions, postgresReplayStore } from '@countersign/postgres';
import pg from 'pg';
import { acquirePostgres } from './postgres-server.ts';

/** A schema of a suite's own, in whichever server the suite may use. */
export interface Database {
  readonly url: string;
  readonly schema: string;
  readonly pool: pg.Pool;
  /** A store whose deadline no test reaches. */
  store(options?: Partial<PostgresReplayStoreOptions>): ReturnType<typeof postgresReplayStore>;
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>;
  /** Lets time pass for all records, by moving them back. */
  advance(ms: number): Promise<void>;
  /** Forgets all records. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function openDatabase(poolOptions: pg.PoolConfig = {}): Promise<Database> {
  const server = await acquirePostgres();
  const database = await databaseOn(server.url, poolOptions);
  return {
    ...database,
    async close() {
      await database.query(`DROP SCHEMA ${database.schema} CASCADE`);
      await database.close();
      await server.stop();
    },
  };
}

/** The same in a server that belongs to the test. */
export async function databaseOn(url: string, poolOptions: pg.PoolConfig = {}): Promise<Database> {
  const schema = `cs_${randomBytes(6).toString('hex')}`;
  const pool = openPool(url, poolOptions);
  await migrate(pool, { schema });
  async function query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]> {
    return (await pool.query<R>(text, values)).rows;
  }
  return {
    ...{ url, schema, pool, query },
    store: (options) => postgresReplayStore({ pool, schema, timeoutMs: 60_000, ...options }),
    async advance(ms) {
      await query(
        `UPDATE ${schema}.countersign_replay SET lease_until = lease_until - back, expires_at = expires_at - back,
           sweep_hour = ceil(sweep_hour - extract(epoch FROM back) / 3600)
         FROM (SELECT $1::float8 * interval '1 ms' AS back) AS shift`,
        [ms],
      );
    },
    async clear() {
      await query(`TRUNCATE ${schema}.countersign_replay`);
    },
    close: () => pool.end(),
  };
}

/** A pool that outlives its connections. */
export function openPool(url: string, options: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, ...options });
  pool.on('error', () => undefined);
  return pool;
}
