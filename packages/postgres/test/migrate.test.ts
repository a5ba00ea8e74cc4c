import { readFile } from 'node:fs/promises';
import { migrate, migrationSql, postgresReplayStore } from '@countersign/postgres';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import { openPool } from '../../../test/support/servers/postgres-database.ts';
import { startPostgres } from '../../../test/support/servers/postgres-server.ts';

const describeWithPostgres = await describeWith('postgres-server');

const SHIPPED = new URL('../migrations/001_countersign_replay.sql', import.meta.url);
const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };

describeWithPostgres('the table', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let pool: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    pool = openPool(server.url, { max: 20 });
  });
  beforeEach(async () => {
    await pool.query('DROP SCHEMA IF EXISTS hooks CASCADE');
    await pool.query('DROP TABLE IF EXISTS countersign_replay');
  });
  afterAll(async () => {
    await pool.end();
    await server?.stop();
  });

  async function shapeOf(table: string): Promise<unknown> {
    const { rows } = await pool.query(
      `SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum`,
      [table],
    );
    const indexes = await pool.query(
      'SELECT pg_get_indexdef(indexrelid) AS indexdef FROM pg_index WHERE indrelid = $1::regclass ORDER BY 1',
      [table],
    );
    return [rows, indexes.rows.map(({ indexdef }) => indexdef.replaceAll('hooks.', 'public.'))];
  }

  async function works(schema?: string): Promise<void> {
    const store = postgresReplayStore({
      pool,
      ...(schema === undefined ? {} : { schema }),
      timeoutMs: 60_000,
    });
    expect(await store.claim('a key', HELD)).toMatchObject({ state: 'claimed' });
    expect(await store.claim('a key', HELD)).toMatchObject({ state: 'in-progress' });
  }

  test('is the same by the shipped file and by migrate(), in either order', async () => {
    const file = await readFile(SHIPPED, 'utf8');
    expect(file).toBe(migrationSql());
    await pool.query(file);
    const byFile = await shapeOf('countersign_replay');
    await migrate(pool);
    expect(await shapeOf('countersign_replay')).toEqual(byFile);
    await works();

    await migrate(pool, { schema: 'hooks' });
    expect(await shapeOf('hooks.countersign_replay')).toEqual(byFile);
    await pool.query(file);
    await works('hooks');
  });

  test('keeps what it holds when it is migrated again', async () => {
    await migrate(pool);
    await works();
    await migrate(pool);
    expect(await postgresReplayStore({ pool }).claim('a key', HELD)).toMatchObject({ state: 'in-progress' });
  });

  test('is made by ten instances at once', async () => {
    for (let round = 0; round < 10; round++) {
      await pool.query('DROP SCHEMA IF EXISTS hooks CASCADE');
      await Promise.all(Array.from({ length: 10 }, () => migrate(pool, { schema: 'hooks' })));
      await works('hooks');
    }
  });

  test('is completed if only the index is missing', async () => {
    await migrate(pool);
    const whole = await shapeOf('countersign_replay');
    await pool.query('DROP INDEX countersign_replay_sweep');
    await migrate(pool);
    expect(await shapeOf('countersign_replay')).toEqual(whole);
  });

  test('waits for no transaction, and holds up no claim, if it is complete', async () => {
    await migrate(pool);
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('LOCK TABLE countersign_replay IN ROW EXCLUSIVE MODE');
    await migrate(pool);
    await works();
    await client.query('COMMIT');
    client.release();
  });

  test("may be part of a migration tool's transaction", async () => {
    await pool.query('DROP TABLE IF EXISTS countersign_replay');
    const client = await pool.connect();
    await client.query('BEGIN');
    await migrate(client);
    await client.query('COMMIT');
    client.release();
    await works();
  });

  test('needs no right to create anything if it is complete, and otherwise names the missing right', async () => {
    await migrate(pool, { schema: 'hooks' });
    await pool.query(
      'CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA hooks TO app; GRANT SELECT, INSERT, UPDATE, DELETE ON hooks.countersign_replay TO app',
    );
    const modest = openPool(server.url.replace('postgres@', 'app@'));
    await migrate(modest, { schema: 'hooks' });
    const store = postgresReplayStore({ pool: modest, schema: 'hooks' });
    expect(await store.claim('a key', HELD)).toMatchObject({ state: 'claimed' });
    expect(await store.sweep()).toBe(0);
    for (const options of [{ schema: 'hooks', table: 'other' }, { schema: 'elsewhere' }]) {
      await expect(migrate(modest, options)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
        message: expect.stringContaining('migrate() needs CREATE'),
        cause: { code: '42501' },
      });
    }
    await modest.end();
    await pool.query('DROP OWNED BY app; DROP ROLE app');
  });

  test('may have any name that a table can have, and no name is more than a name', async () => {
    const names = [
      'Webhooks',
      'web-hooks',
      'a "quoted" one',
      "x'; DROP TABLE orders; --",
      'é'.repeat(28),
      'select',
    ];
    await pool.query('CREATE TABLE orders ()');
    for (const name of names) {
      const options = { table: name, schema: name };
      await migrate(pool, options);
      await migrate(pool, options);
      const store = postgresReplayStore({ pool, ...options });
      expect(await store.claim('a key', HELD)).toMatchObject({ state: 'claimed' });
      expect(await store.sweep()).toBe(0);
      const { rows } = await pool.query('SELECT indexname FROM pg_indexes WHERE schemaname = $1', [name]);
      expect(rows).toContainEqual({ indexname: `${name}_sweep` });
    }
    await pool.query('DROP TABLE orders');
  });

  test("is refused a name that it can't have", async () => {
    const wrong = [
      { table: '' },
      { table: 'hooks.replay' },
      { table: 'x'.repeat(58) },
      { table: 'a\0b' },
      { table: 7 },
      { table: null },
      { table: '\ud800' },
      { schema: '' },
      { schema: 'x'.repeat(64) },
      { schema: 'a\0b' },
      { tabel: 'x' },
      { timeoutMs: 0 },
      { timeoutMs: Number.NaN },
      'hooks',
    ];
    for (const options of wrong) {
      await expect(Reflect.apply(migrate, undefined, [pool, options])).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
      });
    }
    expect(() => migrationSql({ table: 'hooks.replay' })).toThrow('"schema"');
    await expect(Reflect.apply(migrate, undefined, ['postgres://127.0.0.1/'])).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringContaining('new Pool({ connectionString })'),
    });
  });
});
