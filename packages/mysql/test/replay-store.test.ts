import type { ReplayStore } from '@countersign/core';
import { mysqlReplayStore, type Queryable } from '@countersign/mysql';
import { type ReplayStoreTarget, replayStoreCases } from '@countersign/testing';
import mariadb from 'mariadb';
import mysql2 from 'mysql2';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import { type MysqlDatabase, openMysqlDatabase } from '../../../test/support/servers/mysql-database.ts';

const describeWithMysql = await describeWith('mysql');

interface Client {
  readonly pool: Queryable;
  end(): unknown;
}

function mariadbOptions(url: string) {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    ...{ host: hostname, port: Number(port || 3306), user: username, password, database: pathname.slice(1) },
    connectionLimit: 20,
  };
}

describeWithMysql('the MySQL replay store', () => {
  let database: MysqlDatabase;
  beforeAll(async () => {
    database = await openMysqlDatabase({ connectionLimit: 20 });
  });
  afterAll(() => database.close());

  /** Nothing else's keys are in it. */
  async function emptied(store: ReplayStore): Promise<ReplayStoreTarget> {
    await database.clear();
    return { store };
  }

  const clients: [string, (url: string) => Client | Promise<Client>][] = [
    ['a Pool of mysql2/promise', (uri) => poolOf(mysql.createPool({ uri, connectionLimit: 20 }))],
    [
      'a Pool of mysql2 that works by callbacks',
      (uri) => {
        const pool = mysql2.createPool({ uri, connectionLimit: 20 });
        return { pool: pool as unknown as Queryable, end: () => pool.promise().end() };
      },
    ],
    ['a Pool of mariadb', (url) => poolOf(mariadb.createPool(mariadbOptions(url)))],
    [
      'a Pool of mysql2 that returns rows in other shapes, and counts changed rows only',
      (uri) =>
        poolOf(
          mysql.createPool({
            ...{ uri, connectionLimit: 20, flags: ['-FOUND_ROWS'] },
            ...{ rowsAsArray: true, nestTables: '_', namedPlaceholders: true },
            ...{ bigNumberStrings: true, supportBigNumbers: true, dateStrings: true },
          }),
        ),
    ],
    [
      'a Pool of mariadb that returns rows in other shapes, and counts changed rows only',
      (url) =>
        poolOf(
          mariadb.createPool({
            ...mariadbOptions(url),
            ...{ foundRows: false, rowsAsArray: true, namedPlaceholders: true, bigIntAsNumber: true },
          }),
        ),
    ],
    ['a single Connection of mysql2', async (uri) => poolOf(await mysql.createConnection({ uri }))],
    [
      'a single Connection of mariadb',
      async (url) => poolOf(await mariadb.createConnection(mariadbOptions(url))),
    ],
    [
      'an object with query(sql, values)',
      (uri) => {
        const pool = mysql.createPool({ uri, connectionLimit: 20 });
        return { pool: { query: (sql, values) => pool.query(sql, values) }, end: () => pool.end() };
      },
    ],
  ];

  function poolOf(pool: Queryable & { end(): Promise<void> }): Client {
    return { pool, end: () => pool.end() };
  }

  describe.each(clients)('through %s', (_, open) => {
    let client: Client;
    beforeAll(async () => {
      client = await open(database.url);
    });
    afterAll(() => client.end() as Promise<void>);
    const make = () => emptied(mysqlReplayStore({ pool: client.pool, timeoutMs: 60_000 }));
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });

  describe('with time moved by hand', () => {
    const make = async () => ({
      ...(await emptied(database.store())),
      advance: (ms: number) => database.advance(ms),
    });
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });

  describe.each(['mysql2', 'mariadb'])('with prepared statements of %s', (name) => {
    let client: Client;
    beforeAll(() => {
      const { url } = database;
      client = poolOf(
        name === 'mysql2'
          ? mysql.createPool({ uri: url, connectionLimit: 20 })
          : mariadb.createPool(mariadbOptions(url)),
      );
    });
    afterAll(() => client.end() as Promise<void>);
    const make = () => emptied(mysqlReplayStore({ pool: client.pool, timeoutMs: 60_000, prepare: true }));
    for (const { name: title, run } of replayStoreCases(make)) test(title, run);
  });

  describe.each(['READ COMMITTED', 'SERIALIZABLE'])('if transactions are %s by default', (level) => {
    let pool: mysql.Pool;
    beforeAll(() => {
      pool = mysql.createPool({ uri: database.url, connectionLimit: 20 });
      pool.pool.on('connection', (connection) => {
        connection.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${level}`);
      });
    });
    afterAll(() => pool.end());
    for (const { name, run } of replayStoreCases(() => emptied(database.store({ pool })))) test(name, run);
  });

  describe('if the session has another time zone, another sql_mode and other escapes', () => {
    let pool: mysql.Pool;
    beforeAll(() => {
      pool = mysql.createPool({ uri: database.url, connectionLimit: 20, timezone: '+05:30' });
      pool.pool.on('connection', (connection) => {
        connection.query(
          "SET time_zone = '+13:00', sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'",
        );
      });
    });
    afterAll(() => pool.end());
    for (const { name, run } of replayStoreCases(() => emptied(database.store({ pool })))) test(name, run);

    test('and another session agrees on the time', async () => {
      await database.clear();
      const held = { leaseMs: 600_000, fenceTtlMs: 600_000 };
      await database.store({ pool }).claim('a key', held);
      expect(await database.store().claim('a key', held)).toMatchObject({
        state: 'in-progress',
        retryAfterMs: expect.toSatisfy((ms: number) => ms > 500_000 && ms <= 600_000),
      });
    });
  });

  test('a handled delivery that is forgotten runs again; one that is being handled is left alone', async () => {
    await database.clear();
    const store = database.store();
    const held = { leaseMs: 600_000, fenceTtlMs: 600_000 };
    expect(await store.forget('a key')).toBe(false);
    const claim = await store.claim('a key', held);
    if (claim.state !== 'claimed') throw new Error(claim.state);
    expect(await store.forget('a key')).toBe(false);
    expect((await store.claim('a key', held)).state).toBe('in-progress');
    await store.commit('a key', claim.token, { ttlMs: 600_000, replayWindowMs: 600_000 });
    expect(await store.forget('a key')).toBe(true);
    expect((await store.claim('a key', held)).state).toBe('claimed');
  });
});
