import { postgresReplayStore } from '@countersign/postgres';
import { replayStoreCases } from '@countersign/testing';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import type { LocalServer } from '../../../test/support/servers/local-server.ts';
import { startPgbouncer } from '../../../test/support/servers/pgbouncer-server.ts';
import { type Database, databaseOn } from '../../../test/support/servers/postgres-database.ts';
import { startPostgres } from '../../../test/support/servers/postgres-server.ts';

const describeWithPooler = await describeWith('postgres-server', 'pgbouncer-server');

// Each statement may run on another connection of the server than the one before.
describeWithPooler('behind PgBouncer in transaction mode', () => {
  let server: LocalServer;
  let pooler: LocalServer;
  let database: Database;
  let pool: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    database = await databaseOn(server.url);
    pooler = await startPgbouncer(server, 3);
    pool = new pg.Pool({ connectionString: pooler.url, max: 8 });
    pool.on('error', () => undefined);
  });
  afterAll(async () => {
    await pool?.end();
    await pooler?.stop();
    await database?.close();
    await server?.stop();
  });

  const storeOf = (options: { prepare?: boolean } = {}) =>
    postgresReplayStore({ pool, schema: database.schema, timeoutMs: 60_000, ...options });
  const make = async () => {
    await database.clear();
    return { store: storeOf() };
  };
  for (const { name, run } of replayStoreCases(make)) test(name, run);

  test('the first statement that its name keeps from running is sent without, and so are all later ones', async () => {
    await database.clear();
    const store = storeOf();
    const keys = Array.from({ length: 200 }, (_, index) => `key ${index}`);
    const claims = await Promise.all(
      keys.map((key) => store.claim(key, { leaseMs: 60_000, fenceTtlMs: 60_000 })),
    );
    expect(new Set(claims.map(({ state }) => state))).toEqual(new Set(['claimed']));
    const rows = await database.query(`SELECT count(*)::int AS n FROM ${database.schema}.countersign_replay`);
    expect(rows).toEqual([{ n: 200 }]);
  });

  test('with names for good, it fails', async () => {
    const store = storeOf({ prepare: true });
    const claims = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) =>
        store.claim(`named ${index}`, { leaseMs: 60_000, fenceTtlMs: 60_000 }),
      ),
    );
    const refused = claims.filter(({ status }) => status === 'rejected');
    expect(refused).not.toEqual([]);
    for (const { reason } of refused as PromiseRejectedResult[])
      expect(reason.message).toMatch(/prepared statement.*"prepare" to false/);
  });
});
