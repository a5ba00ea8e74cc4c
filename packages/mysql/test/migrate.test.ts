import { readFile } from 'node:fs/promises';
import { migrate, migrationSql, mysqlReplayStore } from '@countersign/mysql';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import type { LocalServer } from '../../../test/support/servers/local-server.ts';
import { urlOf } from '../../../test/support/servers/mysql-database.ts';
import { startMysql } from '../../../test/support/servers/mysql-server.ts';

const describeWithMysql = await describeWith('mysql-server');

const SHIPPED = new URL('../migrations/001_countersign_replay.sql', import.meta.url);
const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };

describeWithMysql('the table', () => {
  let server: LocalServer;
  let pool: mysql.Pool;
  beforeAll(async () => {
    server = await startMysql();
    pool = mysql.createPool({ uri: server.url, connectionLimit: 20 });
  });
  beforeEach(async () => {
    await pool.end();
    const admin = await mysql.createConnection(server.url);
    await admin.query('DROP DATABASE IF EXISTS app');
    await admin.query('DROP DATABASE IF EXISTS hooks');
    await admin.query('CREATE DATABASE app');
    await admin.query('CREATE DATABASE hooks');
    await admin.end();
    pool = mysql.createPool({ uri: urlOf(server.url, 'app'), connectionLimit: 20 });
  });
  afterAll(async () => {
    await pool.end();
    await server?.stop();
  });

  async function shapeOf(database: string): Promise<unknown> {
    const [columns] = await pool.query(
      `SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_KEY FROM information_schema.COLUMNS
       WHERE TABLE_SCHEMA = ? ORDER BY ORDINAL_POSITION`,
      [database],
    );
    return columns;
  }

  async function works(options: { database?: string; table?: string } = {}): Promise<void> {
    const store = mysqlReplayStore({ pool, ...options, timeoutMs: 60_000 });
    expect(await store.claim('a key', HELD)).toMatchObject({ state: 'claimed' });
    expect(await store.claim('a key', HELD)).toMatchObject({ state: 'in-progress' });
    expect(await store.sweep()).toBe(0);
  }

  test('is the same by the shipped file and by migrate(), in either order', async () => {
    const file = await readFile(SHIPPED, 'utf8');
    expect(file).toBe(migrationSql());
    await pool.query(file);
    const byFile = await shapeOf('app');
    await migrate(pool);
    expect(await shapeOf('app')).toEqual(byFile);
    await works();

    await migrate(pool, { database: 'hooks' });
    expect(await shapeOf('hooks')).toEqual(byFile);
    await pool.query(file);
    await works({ database: 'hooks' });
  });

  test('keeps what it holds when it is migrated again', async () => {
    await migrate(pool);
    await works();
    await migrate(pool);
    expect(await mysqlReplayStore({ pool }).claim('a key', HELD)).toMatchObject({ state: 'in-progress' });
  });

  test('is created by ten instances at once', async () => {
    for (let round = 0; round < 5; round++) {
      await pool.query('DROP TABLE IF EXISTS hooks.countersign_replay');
      await Promise.all(Array.from({ length: 10 }, () => migrate(pool, { database: 'hooks' })));
      await works({ database: 'hooks' });
    }
  });

  test('waits for no transaction if it is there', async () => {
    await migrate(pool);
    const connection = await pool.getConnection();
    await connection.beginTransaction();
    await connection.query('SELECT * FROM countersign_replay');
    await migrate(pool, { timeoutMs: 20_000 });
    await works();
    await connection.commit();
    connection.release();
  });

  test('needs no right to create anything if it exists, and otherwise names the missing right', async () => {
    await migrate(pool);
    await pool.query("CREATE USER 'modest'@'%' IDENTIFIED BY 'hunter2'");
    await pool.query("GRANT SELECT, INSERT, UPDATE, DELETE ON app.countersign_replay TO 'modest'@'%'");
    const url = new URL(urlOf(server.url, 'app'));
    url.username = 'modest';
    url.password = 'hunter2';
    const modest = mysql.createPool({ uri: url.href });
    await migrate(modest);
    const store = mysqlReplayStore({ pool: modest, timeoutMs: 60_000 });
    expect(await store.claim('a key', HELD)).toMatchObject({ state: 'claimed' });
    expect(await store.sweep()).toBe(0);
    for (const options of [{ table: 'other' }, { database: 'hooks' }]) {
      await expect(migrate(modest, options)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
        message: expect.stringContaining('migrate() needs CREATE'),
      });
    }
    await modest.end();
    await pool.query("DROP USER 'modest'@'%'");
  });

  test('may have any name that a table can have, and no name is more than a name', async () => {
    const names = [
      'Webhooks',
      'web-hooks',
      'a `quoted` one',
      'a "quoted" one',
      "x'; DROP TABLE orders; --",
      'é'.repeat(64),
      'select',
      '表',
    ];
    await pool.query('CREATE TABLE orders (id int)');
    for (const table of names) {
      await migrate(pool, { table });
      await migrate(pool, { table });
      await works({ table });
    }
    await pool.query('DROP TABLE orders');
  });

  test("is refused a name that it can't have", async () => {
    const wrong = [
      { table: '' },
      { table: 'hooks.replay' },
      { table: 'x'.repeat(65) },
      { table: 'a\0b' },
      { table: 'ends with a space ' },
      { table: '😀' },
      { table: 7 },
      { table: null },
      { table: '\ud800' },
      { database: '' },
      { database: 'x'.repeat(65) },
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
    expect(() => migrationSql({ table: 'hooks.replay' })).toThrow('"database"');
    await expect(Reflect.apply(migrate, undefined, ['mysql://127.0.0.1/'])).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringContaining('createPool(uri)'),
    });
  });
});
