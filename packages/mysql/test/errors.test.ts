import { inspect } from 'node:util';
import { createVerifier, isWebhookError } from '@countersign/core';
import { migrate, mysqlReplayStore, type Queryable } from '@countersign/mysql';
import { standardWebhooks } from '@countersign/schemes';
import { manualClock, sign } from '@countersign/testing';
import mariadb from 'mariadb';
import mysql from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import { freePort } from '../../../test/support/servers/free-port.ts';
import type { LocalServer } from '../../../test/support/servers/local-server.ts';
import { type MysqlDatabase, mysqlDatabaseOn, urlOf } from '../../../test/support/servers/mysql-database.ts';
import { startMysql } from '../../../test/support/servers/mysql-server.ts';

const describeWithMysql = await describeWith('mysql-server');

const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };
const KEPT = { ttlMs: 600_000, replayWindowMs: 600_000 };
const TOKEN = { fencingToken: 1, owner: 'A'.repeat(22) };
const PASSWORD = 'hunter2-never-shown';
const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

describe('mysqlReplayStore() refuses', () => {
  const pool = { query: async () => [] };
  test.each<[string, unknown]>([
    ['no options', undefined],
    ['no pool', {}],
    ['a connection string as pool', { pool: 'mysql://127.0.0.1/' }],
    ['the module of mysql2 as pool', { pool: mysql }],
    ['an option that it does not know', { pool, schema: 'hooks' }],
    ['a timeout of 0', { pool, timeoutMs: 0 }],
    ['a timeout that is not a number', { pool, timeoutMs: Number.NaN }],
    ['a timeout without end', { pool, timeoutMs: Number.POSITIVE_INFINITY }],
    ['a sweep every 0 seconds', { pool, sweepSeconds: 0 }],
    ['a table with its database', { pool, table: 'hooks.replay' }],
    ['a table without a name', { pool, table: '' }],
    ['"prepare" as text', { pool, prepare: 'yes' }],
    ['a clock that is a date', { pool, clock: new Date() }],
  ])('%s', (_, options) => {
    expect(() => Reflect.apply(mysqlReplayStore, undefined, [options])).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });

  test('and says what is meant', () => {
    expect(() => Reflect.apply(mysqlReplayStore, undefined, [{ pool, timeout: 1 }])).toThrow(
      'Did you mean "timeoutMs"?',
    );
    expect(() => Reflect.apply(mysqlReplayStore, undefined, [{ pool: 'mysql://u:p@h/' }])).toThrow(
      'createPool(uri)',
    );
  });
});

describe('calls that make no sense', () => {
  const asked = vi.fn(async () => []);
  const store = mysqlReplayStore({ pool: { query: asked } });
  afterEach(() => expect(asked).not.toHaveBeenCalled());

  test('a replay window beyond the ttl, and a key that is not text, are refused', async () => {
    await expect(store.commit('k', TOKEN, { ttlMs: 10, replayWindowMs: 11 })).rejects.toThrow(
      'at most "ttlMs"',
    );
    for (const key of ['', 7, undefined] as string[]) {
      await expect(store.claim(key, HELD)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
      await expect(store.forget(key)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
    }
  });

  test('tokens of other stores are refused without asking', async () => {
    const strange = [
      { ...TOKEN, owner: 'nobody' },
      { ...TOKEN, owner: `${'A'.repeat(21)}B` },
      { ...TOKEN, owner: '0'.repeat(32) },
      { ...TOKEN, fencingToken: 1.5 },
      { ...TOKEN, fencingToken: 2 ** 40 },
      { ...TOKEN, fencingToken: Number.NaN },
    ];
    for (const other of strange) expect(await store.commit('k', other, KEPT)).toBe(false);
  });
});

describe('a response that comes too late', () => {
  test('counts as none, also if the timer had no chance to say so, and a late claim is given back', async () => {
    let pausedMs = 0;
    const running = manualClock();
    const clock = { ...running, monotonic: () => running.monotonic() + pausedMs };
    const statements: string[] = [];
    const pool: Queryable = {
      async query(sql: string) {
        statements.push(sql.trim().slice(0, 6));
        // As if the process was paused: the time is over before any timer could run.
        if (statements.length === 1) pausedMs = 5000;
        return { affectedRows: 1, insertId: 0 };
      },
    };
    const store = mysqlReplayStore({ pool, clock, timeoutMs: 1000, sweepSeconds: false });
    await expect(store.claim('late', HELD)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
    await vi.waitFor(() => expect(statements).toEqual(['INSERT', 'UPDATE']));
  });
});

describeWithMysql('when the database fails', () => {
  let server: LocalServer;
  let database: MysqlDatabase;
  beforeAll(async () => {
    server = await startMysql({ settings: { 'max-connections': '30' } });
    database = await mysqlDatabaseOn(server.url, { connectionLimit: 5 });
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });

  interface Login {
    user?: string;
    name?: string;
    port?: number;
    connectionLimit?: number;
  }

  /** A pool with a password, of either client. */
  const CLIENTS: Record<string, (login?: Login) => Queryable & { end(): Promise<void> }> = {
    mysql2({ user = 'app', name = database.name, port = server.port, connectionLimit = 3 } = {}) {
      return mysql.createPool({
        ...{ host: '127.0.0.1', port, user, password: PASSWORD, database: name, connectionLimit },
      });
    },
    mariadb({ user = 'app', name = database.name, port = server.port, connectionLimit = 3 } = {}) {
      return mariadb.createPool({
        ...{ host: '127.0.0.1', port, user, password: PASSWORD, database: name, connectionLimit },
        ...{
          acquireTimeout: 1500,
          connectTimeout: 1000,
          initializationTimeout: 1000,
          allowPublicKeyRetrieval: true,
        },
      });
    },
  };

  beforeAll(async () => {
    await createUser('app', 'SELECT, INSERT, UPDATE, DELETE');
  });

  async function createUser(name: string, rights: string | undefined): Promise<void> {
    await database.query(`CREATE USER '${name}'@'%' IDENTIFIED BY '${PASSWORD}'`);
    if (rights !== undefined) await database.query(`GRANT ${rights} ON ${database.name}.* TO '${name}'@'%'`);
  }

  async function expectUnavailable(call: Promise<unknown>, sentence: RegExp): Promise<void> {
    const error: unknown = await call.then(
      (result) => expect.fail(`it returned ${JSON.stringify(result)}`),
      (thrown: unknown) => thrown,
    );
    if (!isWebhookError(error)) throw error;
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE', status: 503 });
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.message).toMatch(sentence);
    for (const text of [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)]) {
      expect(text).not.toContain(PASSWORD);
      expect(text).not.toContain(TOKEN.owner);
    }
    expect(error.message).not.toContain('127.0.0.1');
  }

  function storeOn(pool: Queryable, timeoutMs = 60_000) {
    return mysqlReplayStore({ pool, timeoutMs, sweepSeconds: false });
  }

  async function everyCallIsUnavailable(pool: Queryable, sentence: RegExp, table?: string): Promise<void> {
    const store = mysqlReplayStore({ pool, table, timeoutMs: 60_000, sweepSeconds: false });
    await expectUnavailable(store.claim('k', HELD), sentence);
    await expectUnavailable(store.renew('k', TOKEN, 1000), sentence);
    await expectUnavailable(store.commit('k', TOKEN, KEPT), sentence);
    await expectUnavailable(store.release('k', TOKEN), sentence);
    await expectUnavailable(store.forget('k'), sentence);
    await expectUnavailable(store.sweep(), sentence);
  }

  describe.each(Object.keys(CLIENTS))('through %s', (client) => {
    function poolFor(login?: Login) {
      const pool = CLIENTS[client]?.(login);
      if (pool === undefined) throw new Error(client);
      let isEnded = false;
      const { end } = pool;
      pool.end = async () => {
        isEnded = true;
        await Reflect.apply(end, pool, []);
      };
      onTestFinished(() => (isEnded ? undefined : pool.end().catch(() => undefined)));
      return pool;
    }

    test('a table that is missing: run migrate()', async () => {
      await everyCallIsUnavailable(poolFor(), /`nowhere` does not exist\. Run migrate/, 'nowhere');
    });

    test('a table of another program', async () => {
      await database.query('CREATE TABLE IF NOT EXISTS other (`key` binary(32) PRIMARY KEY)');
      const store = mysqlReplayStore({ pool: poolFor(), table: 'other' });
      await expectUnavailable(store.claim('k', HELD), /doesn't have the columns/);
    });

    test('a user without rights', async () => {
      await createUser(`reader_${client}`, 'SELECT');
      const store = storeOn(poolFor({ user: `reader_${client}` }));
      await expectUnavailable(
        store.claim('k', HELD),
        /has no permission .* Grant SELECT, INSERT, UPDATE and DELETE/,
      );
      await expectUnavailable(store.commit('k', TOKEN, KEPT), /has no permission/);
    });

    test('a user that does not exist, and a database that does not', async () => {
      const opening = /rejected the login|could not be reached/;
      await expectUnavailable(storeOn(poolFor({ user: 'nobody_here' })).claim('k', HELD), opening);
      await expectUnavailable(
        storeOn(poolFor({ name: 'nothing_here' })).claim('k', HELD),
        /has no permission|does not exist|reached/,
      );
    });

    test('a server that takes no writes', async () => {
      await database.query('SET GLOBAL read_only = ON');
      try {
        await expectUnavailable(storeOn(poolFor()).claim('k', HELD), /takes no writes/);
      } finally {
        await database.query('SET GLOBAL read_only = OFF');
      }
    });

    test('a connection to a server that takes no writes any more is replaced: after a failover, another one does', async () => {
      const pool = poolFor({ connectionLimit: 1 });
      const connectionId = async () => {
        const rows = (await pool.query('SELECT CONNECTION_ID() AS id')).flat();
        return Number(rows[0].id);
      };
      const first = await connectionId();
      await database.query('SET GLOBAL read_only = ON');
      try {
        await expectUnavailable(storeOn(pool).claim('k', HELD), /takes no writes/);
      } finally {
        await database.query('SET GLOBAL read_only = OFF');
      }
      expect(await connectionId()).not.toBe(first);
    });

    test('a connection that can keep no prepared statement is replaced', async () => {
      const key = `prepared ${client}`;
      const pool = poolFor({ connectionLimit: 1 });
      const connectionId = async () =>
        Number((await pool.query('SELECT CONNECTION_ID() AS id')).flat()[0].id);
      const first = await connectionId();
      const store = mysqlReplayStore({ pool, prepare: true, sweepSeconds: false });
      await database.query('SET GLOBAL max_prepared_stmt_count = 0');
      try {
        await expectUnavailable(store.claim(key, HELD), /as many prepared statements as it may/);
      } finally {
        await database.query('SET GLOBAL max_prepared_stmt_count = DEFAULT');
      }
      expect(await connectionId()).not.toBe(first);
      expect((await store.claim(key, HELD)).state).toBe('claimed');
    });

    test.each(['START TRANSACTION', 'SET autocommit = 0'])(
      'after "%s" nothing counts as written',
      async (statement) => {
        const key = `${statement} ${client}`;
        const connection = await (poolFor() as unknown as mysql.Pool).getConnection();
        await connection.query(statement);
        await expectUnavailable(storeOn(connection).claim(key, HELD), /in the middle of a transaction/);
        connection.destroy();
        expect((await storeOn(database.pool).claim(key, HELD)).state).toBe('claimed');
      },
    );

    test('no server at its port', async () => {
      await expectUnavailable(
        storeOn(poolFor({ port: await freePort() })).claim('k', HELD),
        /could not be reached/,
      );
    });

    test('a pool that is closed', async () => {
      const pool = poolFor();
      await storeOn(pool).claim('before the end', HELD);
      await pool.end();
      await expectUnavailable(storeOn(pool).claim('k', HELD), /closed with end\(\)/);
    });

    test('a pool without a free connection fails in time', async () => {
      const pool = poolFor({ connectionLimit: 1 });
      const taken = await (pool as unknown as mysql.Pool).getConnection();
      await expectUnavailable(
        storeOn(pool, 200).claim(`late ${client}`, HELD),
        /no connection of the pool became free/,
      );
      taken.release();
      await vi.waitFor(
        async () =>
          expect((await storeOn(pool).claim(`late ${client}`, HELD)).state).toMatch(/claimed|in-progress/),
        30_000,
      );
    });

    test('a server that hangs is given up in time, and is used when it goes on', async () => {
      const pool = poolFor();
      const store = storeOn(pool, 300);
      await storeOn(pool).claim(`warm ${client}`, HELD);
      await server.kill('SIGSTOP');
      try {
        const calls = Array.from({ length: 5 }, (_, index) =>
          store.claim(`stopped ${client} ${index}`, HELD),
        );
        for (const call of calls)
          await expectUnavailable(call, /did not respond within the 300 ms|no connection/);
      } finally {
        await server.kill('SIGCONT');
      }
      await vi.waitFor(
        async () =>
          expect((await storeOn(pool).claim(`after ${client}`, HELD)).state).toMatch(/claimed|in-progress/),
        30_000,
      );
    });

    test('a row that another transaction locks is given up in time', async () => {
      const store = storeOn(poolFor());
      await store.claim(`locked ${client}`, { leaseMs: 1, fenceTtlMs: 600_000 });
      const holder = await database.pool.getConnection();
      await holder.beginTransaction();
      await holder.query('SELECT * FROM countersign_replay FOR UPDATE');
      await expectUnavailable(storeOn(poolFor(), 300).claim(`locked ${client}`, HELD), /a lock is held/);
      await holder.commit();
      holder.release();
      await vi.waitFor(
        async () =>
          expect((await store.claim(`locked ${client}`, HELD)).state).toMatch(/claimed|in-progress/),
        30_000,
      );
    });

    test('killed and started again between claim and commit: the claim holds', async () => {
      const store = storeOn(poolFor());
      const key = `survivor ${client}`;
      const claim = await store.claim(key, HELD);
      if (claim.state !== 'claimed') throw new Error(claim.state);
      await server.kill('SIGKILL');
      await expectUnavailable(store.commit(key, claim.token, KEPT), /could not be reached|shutting down/);
      await server.restart();
      expect(await vi.waitFor(() => store.commit(key, claim.token, KEPT), 60_000)).toBe(true);
      expect(await store.claim(key, HELD)).toEqual({ state: 'committed' });
    });
  });

  test('anything else, by its number', async () => {
    const failing = Object.assign(new Error('deliberate'), { errno: 1998, sqlState: 'HY000' });
    const store = mysqlReplayStore({ pool: { query: () => Promise.reject(failing) } });
    await expectUnavailable(store.claim('k', HELD), /error 1998/);
  });

  test('a response of another client is a mistake of ours', async () => {
    const store = mysqlReplayStore({ pool: { query: async () => ({ rows: [] }) } });
    await expect(store.claim('k', HELD)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringContaining('what mysql2 or mariadb return'),
    });
  });

  test('a time longer than any calendar is one of two hundred years', async () => {
    const [store, forever] = [storeOn(database.pool), 1e300];
    const claim = await store.claim('forever', { leaseMs: forever, fenceTtlMs: forever });
    if (claim.state !== 'claimed') throw new Error(claim.state);
    expect(await store.renew('forever', claim.token, forever)).toBe(true);
    expect(await store.commit('forever', claim.token, { ttlMs: forever, replayWindowMs: forever })).toBe(
      true,
    );
    expect(await store.claim('forever', HELD)).toEqual({ state: 'committed' });
  });

  test('restarted in good order under load: every call ends, and those that are told "claimed" are', async () => {
    const pool = mysql.createPool({ uri: database.url, connectionLimit: 8 });
    onTestFinished(() => pool.end());
    const store = storeOn(pool);
    const claimed = new Set<string>();
    let stop = false;
    let failures = 0;
    const callers = Array.from({ length: 8 }, async (_, caller) => {
      for (let index = 0; !stop; index++) {
        const key = `load ${caller} ${index}`;
        try {
          if ((await store.claim(key, HELD)).state === 'claimed') claimed.add(key);
        } catch (error) {
          failures++;
          expect(error).toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    });
    await vi.waitFor(() => expect(claimed.size).toBeGreaterThan(50), 60_000);
    await server.restart();
    const before = claimed.size;
    await vi.waitFor(() => expect(claimed.size).toBeGreaterThan(before + 50), 60_000);
    stop = true;
    await Promise.all(callers);
    expect(failures).toBeGreaterThan(0);
    for (const key of claimed) expect((await store.claim(key, HELD)).state).toBe('in-progress');
  });

  test('a connection that other code released in the middle of a transaction is replaced', async () => {
    const pool = mysql.createPool({ uri: database.url, connectionLimit: 1 });
    onTestFinished(() => pool.end());
    const connection = await pool.getConnection();
    await connection.beginTransaction();
    connection.release();
    await expectUnavailable(storeOn(pool).claim('left open', HELD), /in the middle of a transaction/);
    expect((await storeOn(pool).claim('left open', HELD)).state).toBe('claimed');
    expect((await storeOn(database.pool).claim('left open', HELD)).state).toBe('in-progress');
  });

  describe('and what it forgets', () => {
    const count = async () => (await database.query('SELECT 1 FROM countersign_replay')).length;
    async function expire(keys: readonly string[]): Promise<void> {
      const store = storeOn(database.pool);
      for (const key of keys) await store.claim(key, { leaseMs: 1, fenceTtlMs: 1 });
      await database.query(
        `UPDATE countersign_replay SET expires_at = expires_at - INTERVAL 3 HOUR, lease_until = lease_until - INTERVAL 3 HOUR,
           sweep_hour = sweep_hour - 3 WHERE expires_at < UTC_TIMESTAMP(6) + INTERVAL 5 SECOND`,
      );
    }

    test('goes under traffic by itself, and stays if that is switched off', async () => {
      await database.clear();
      await expire(['a', 'b', 'c']);
      const clock = manualClock();
      const options = { pool: database.pool, timeoutMs: 60_000, clock };
      const store = mysqlReplayStore({ ...options, sweepSeconds: 10 });
      const idle = mysqlReplayStore({ ...options, sweepSeconds: false });
      await clock.advance(10_000);
      await idle.claim('one', HELD);
      expect(await count()).toBe(4);
      await store.claim('two', HELD);
      await vi.waitFor(async () => expect(await count()).toBe(2), 30_000);
    });

    test('more than one batch of it goes when it is asked for, though many others have outlived their hour', async () => {
      await database.clear();
      const insert = async (prefix: string, hours: number, rows: number) => {
        for (let from = 0; from < rows; from += 500) {
          const values = Array.from({ length: Math.min(500, rows - from) }, (_, index) => [
            `${prefix} ${from + index}`,
          ]);
          await database.query(
            `INSERT INTO countersign_replay (\`key\`, expires_at, sweep_hour) VALUES ${values
              .map(() => `(UNHEX(SHA2(?, 256)), UTC_TIMESTAMP(6) + INTERVAL ${hours} HOUR, 1)`)
              .join(', ')}`,
            values.flat(),
          );
        }
      };
      await insert('live', 1, 1500);
      await insert('dead', -1, 1250);
      expect(await storeOn(database.pool).sweep()).toBe(1250);
      expect(await count()).toBe(1500);
    });

    test('goes by the same prepared statements, however much it is', async () => {
      await database.clear();
      const pool = mysql.createPool({ uri: database.url, connectionLimit: 1 });
      onTestFinished(() => pool.end());
      const store = mysqlReplayStore({ pool, prepare: true, timeoutMs: 60_000, sweepSeconds: false });
      const prepared = async () => {
        const [rows] = await pool.query<mysql.RowDataPacket[]>("SHOW SESSION STATUS LIKE 'Com_stmt_prepare'");
        return Number(rows[0]?.Value);
      };
      await expire(['a']);
      expect(await store.sweep()).toBe(1);
      const before = await prepared();
      expect(before).toBeGreaterThan(0);
      for (const keys of [
        ['b', 'c'],
        ['d', 'e', 'f'],
      ]) {
        await expire(keys);
        expect(await store.sweep()).toBe(keys.length);
      }
      expect(await prepared()).toBe(before);
    });

    test('goes within about an hour of its expiry, and never before', async () => {
      await database.clear();
      const store = storeOn(database.pool);
      const hour = 3_600_000;
      for (const hours of [0, 24, 168]) {
        await store.claim(`${hours} hours`, { leaseMs: 1, fenceTtlMs: (hours + 0.5) * hour });
        await database.advance(hours * hour);
        expect(await store.sweep()).toBe(0);
        await database.advance(2 * hour);
        expect(await store.sweep()).toBe(1);
      }
    });

    test('stays if the database refuses, which health() shows until it works again', async () => {
      await createUser('careful', undefined);
      const table = `${database.name}.countersign_replay`;
      await database.query(`GRANT SELECT, INSERT, UPDATE ON ${table} TO 'careful'@'%'`);
      await database.clear();
      await expire(['old']);
      const clock = manualClock();
      const pool = CLIENTS.mysql2?.({ user: 'careful' }) as mysql.Pool;
      onTestFinished(() => pool.end());
      const store = mysqlReplayStore({ pool, clock, timeoutMs: 60_000, sweepSeconds: 1 });
      expect(store.health()).toEqual({ name: 'mysql', warnings: [] });
      await clock.advance(1000);
      expect(await store.claim('careful', HELD)).toMatchObject({ state: 'claimed' });
      await vi.waitFor(() => {
        expect(store.health().warnings).toEqual([
          expect.stringContaining('Expired replay records are not removed'),
        ]);
      }, 30_000);
      await database.query(`GRANT DELETE ON ${table} TO 'careful'@'%'`);
      await store.sweep();
      expect(store.health().warnings).toEqual([]);
    });
  });

  test('a verifier answers 503 while the table is missing, and works from when it is there', async () => {
    await database.query(`CREATE DATABASE ${database.name}_late`);
    const pool = mysql.createPool({ uri: urlOf(server.url, `${database.name}_late`) });
    onTestFinished(() => pool.end());
    const verifier = createVerifier({
      scheme: standardWebhooks(),
      secrets: SECRET,
      replay: mysqlReplayStore({ pool, timeoutMs: 60_000 }),
      observe: () => undefined,
    });
    onTestFinished(() => verifier.close());
    const request = sign(standardWebhooks(), { secret: SECRET, body: '{}' });
    const response = await verifier.handle(request, () => undefined);
    expect(response.status).toBe(503);
    expect(response.headers).toHaveProperty('retry-after');
    await migrate(pool);
    expect((await verifier.handle(request, () => undefined)).status).toBe(204);
    await vi.waitFor(async () => {
      expect((await verifier.handle(request, () => undefined)).status).toBe(200);
    }, 30_000);
  });
});
