import { createVerifier, replayRecord, type VerifiedWebhook } from '@countersign/core';
import { replayKeyDigest } from '@countersign/core/extend';
import type { MysqlReplayStore, Queryable, RunOptions } from '@countersign/mysql';
import { standardWebhooks } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import mariadb from 'mariadb';
import type mysql from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import { type MysqlDatabase, openMysqlDatabase } from '../../../test/support/servers/mysql-database.ts';

const describeWithMysql = await describeWith('mysql');

const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };
const LEVELS = ['read committed', 'repeatable read', 'serializable'] as const;

describeWithMysql('run(connection, webhook, handler)', () => {
  let database: MysqlDatabase;
  let store: MysqlReplayStore;
  const verifier = createVerifier({ scheme: standardWebhooks(), secrets: SECRET, replay: false });

  beforeAll(async () => {
    database = await openMysqlDatabase({ connectionLimit: 20 });
    store = database.store();
    await database.query('CREATE TABLE orders (id varchar(100)) ENGINE = InnoDB');
    await database.query('CREATE TABLE stock (id varchar(10) PRIMARY KEY, sold int) ENGINE = InnoDB');
    await database.query("INSERT INTO stock VALUES ('a', 0), ('b', 0)");
  });
  beforeEach(() => database.query('DELETE FROM orders'));
  afterAll(async () => {
    await database?.close();
    await verifier.close();
  });

  let deliveries = 0;
  function delivery(): Promise<VerifiedWebhook> {
    return verifier.verify(
      sign(standardWebhooks(), { secret: SECRET, id: `msg_${process.pid}_${++deliveries}`, body: '{}' }),
    );
  }

  function insertOrder(webhook: VerifiedWebhook): (tx: Queryable) => Promise<string> {
    return async (tx) => {
      await tx.query('INSERT INTO orders (id) VALUES (?)', [webhook.id]);
      return `order of ${webhook.id}`;
    };
  }

  async function orders(webhook: VerifiedWebhook): Promise<number> {
    return (await database.query('SELECT 1 FROM orders WHERE id = ?', [webhook.id])).length;
  }

  async function withConnection<T>(use: (connection: mysql.PoolConnection) => Promise<T>): Promise<T> {
    const connection = await database.pool.getConnection();
    try {
      return await use(connection);
    } finally {
      connection.release();
    }
  }

  function run<T>(
    webhook: VerifiedWebhook,
    handler: (tx: mysql.PoolConnection) => T | Promise<T>,
    options?: RunOptions,
  ) {
    return withConnection((connection) => store.run(connection, webhook, handler, options));
  }

  async function ended(calls: Promise<unknown>): Promise<unknown> {
    return calls.catch((error: unknown) => error);
  }

  describe('on a connection of the pool', () => {
    test('the delivery runs once, and connections are given back, also after errors', async () => {
      const few = await openMysqlDatabase({ connectionLimit: 2 });
      const own = few.store();
      await few.query('CREATE TABLE orders (id varchar(100)) ENGINE = InnoDB');
      const webhook = await delivery();
      for (let round = 0; round < 4; round++) {
        await expect(
          own.run(webhook, () => {
            throw new Error('out of stock');
          }),
        ).rejects.toThrow('out of stock');
      }
      expect(await own.run(webhook, insertOrder(webhook))).toEqual({
        state: 'done',
        result: `order of ${webhook.id}`,
      });
      expect(await own.run(webhook, vi.fn())).toEqual({ state: 'duplicate' });
      expect(await few.query('SELECT id FROM orders')).toHaveLength(1);
      await few.close();
    });

    test('a database that can’t be reached gives an error with Retry-After', async () => {
      const broken = database.store({ table: 'no_such_table' });
      await expect(broken.run(await delivery(), vi.fn())).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
        retryAfterSeconds: expect.any(Number),
      });
    });
  });

  describe('both or neither', () => {
    test('the record and the effect are there together, and a duplicate runs nothing', async () => {
      const webhook = await delivery();
      expect(await run(webhook, insertOrder(webhook))).toEqual({
        state: 'done',
        result: `order of ${webhook.id}`,
      });
      const handler = vi.fn();
      expect(await run(webhook, handler)).toEqual({ state: 'duplicate' });
      expect(handler).not.toHaveBeenCalled();
      expect(await orders(webhook)).toBe(1);
    });

    test('the same through a connection of mariadb', async () => {
      const webhook = await delivery();
      const { hostname, port, username, password, pathname } = new URL(database.url);
      const connection = await mariadb.createConnection({
        ...{ host: hostname, port: Number(port || 3306), user: username, password },
        database: pathname.slice(1),
      });
      expect((await store.run(connection, webhook, insertOrder(webhook))).state).toBe('done');
      expect((await store.run(connection, webhook, insertOrder(webhook))).state).toBe('duplicate');
      await connection.end();
      expect(await orders(webhook)).toBe(1);
    });

    test('what the handler throws undoes both, is thrown as it is, and the next delivery runs at once', async () => {
      const webhook = await delivery();
      const mistake = new Error('out of stock');
      const failing = async (tx: mysql.PoolConnection) => {
        await insertOrder(webhook)(tx);
        throw mistake;
      };
      await expect(run(webhook, failing)).rejects.toBe(mistake);
      expect(await orders(webhook)).toBe(0);
      expect((await run(webhook, insertOrder(webhook))).state).toBe('done');
      expect(await orders(webhook)).toBe(1);
    });

    test('a handler may use savepoints', async () => {
      const webhook = await delivery();
      await run(webhook, async (tx) => {
        await tx.query('SAVEPOINT attempt');
        await tx.query('INSERT INTO orders (id) VALUES (?)', ['undone']);
        await tx.query('ROLLBACK TO SAVEPOINT attempt');
        await insertOrder(webhook)(tx);
      });
      expect(await orders(webhook)).toBe(1);
      expect(await database.query("SELECT 1 FROM orders WHERE id = 'undone'")).toEqual([]);
      expect((await run(webhook, insertOrder(webhook))).state).toBe('duplicate');
    });

    test.each(['COMMIT', 'ROLLBACK', 'CREATE TABLE IF NOT EXISTS implicit (id int)'])(
      'a handler that says %s is told not to',
      async (ending) => {
        const webhook = await delivery();
        const meddling = async (tx: mysql.PoolConnection) => {
          await insertOrder(webhook)(tx);
          await tx.query(ending);
        };
        await expect(run(webhook, meddling)).rejects.toMatchObject({
          code: 'ERR_WEBHOOK_CONFIG_INVALID',
          message: expect.stringContaining('ended before its handler did'),
        });
      },
    );

    test('the transaction has the isolation level that was asked for', async () => {
      for (const isolation of LEVELS) {
        const [webhook, other] = [await delivery(), await delivery()];
        const seen = async (tx: mysql.PoolConnection) => {
          const count = async () =>
            ((await tx.query('SELECT COUNT(*) AS n FROM orders')) as [{ n: number }[], unknown])[0][0]?.n;
          const before = await count();
          if (isolation !== 'serializable') await run(other, insertOrder(other));
          return Number(await count()) - Number(before);
        };
        const { result } = (await run(webhook, seen, { isolation })) as { result: number };
        expect(result).toBe(isolation === 'read committed' ? 1 : 0);
      }
    });
  });

  describe.each(LEVELS)('at the same time, %s', (isolation) => {
    test('of 100 deliveries one has an effect, and the others are duplicates in the end', async () => {
      const webhook = await delivery();
      let runs = 0;
      const handler = async (tx: mysql.PoolConnection) => {
        runs++;
        await insertOrder(webhook)(tx);
      };
      async function deliverUntilHandled(): Promise<string> {
        for (;;) {
          try {
            return (await run(webhook, handler, { isolation })).state;
          } catch (error) {
            expect((error as { code: string }).code).toMatch(/_IN_PROGRESS$|_STORE_UNAVAILABLE$/);
          }
        }
      }
      const states = await Promise.all(Array.from({ length: 100 }, deliverUntilHandled));
      expect(states.filter((state) => state === 'done')).toHaveLength(1);
      expect(runs).toBe(1);
      expect(await orders(webhook)).toBe(1);
    });

    test('it runs also if a lapsed claim left a row behind, once', async () => {
      const webhook = await delivery();
      await store.claim(replayRecord(webhook).key, { leaseMs: 1000, fenceTtlMs: 600_000 });
      await database.advance(2000);
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, () => run(webhook, insertOrder(webhook), { isolation })),
      );
      expect(await orders(webhook)).toBe(1);
      const done = results.filter((result) => result.status === 'fulfilled' && result.value.state === 'done');
      expect(done).toHaveLength(1);
    });
  });

  test('a handler that runs into a deadlock gets a retryable error, and its retry runs', async () => {
    const [first, second] = [await delivery(), await delivery()];
    const update = (id: string) => `UPDATE stock SET sold = sold + 1 WHERE id = '${id}'`;
    let arrived = 0;
    let bothAreThere = () => {};
    const both = new Promise<void>((resolve) => {
      bothAreThere = resolve;
    });
    const crossing = (one: string, other: string) => async (tx: mysql.PoolConnection) => {
      await tx.query(update(one));
      if (++arrived === 2) bothAreThere();
      await both;
      await tx.query(update(other));
    };
    const outcomes = await Promise.allSettled([
      run(first, crossing('a', 'b')),
      run(second, crossing('b', 'a')),
    ]);
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(failed).toHaveLength(1);
    expect(failed[0]?.reason).toMatchObject({
      code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
      cause: { errno: 1213 },
    });
    const loser = outcomes[0]?.status === 'rejected' ? first : second;
    expect((await run(loser, (tx) => tx.query(update('a')))).state).toBe('done');
  });

  test('a handler that swallows a deadlock, after which nothing it did before is there, commits nothing', async () => {
    const [first, second] = [await delivery(), await delivery()];
    const update = (id: string) => `UPDATE stock SET sold = sold + 1 WHERE id = '${id}'`;
    let arrived = 0;
    let bothAreThere = () => {};
    const both = new Promise<void>((resolve) => {
      bothAreThere = resolve;
    });
    const crossing =
      (webhook: VerifiedWebhook, one: string, other: string) => async (tx: mysql.PoolConnection) => {
        await insertOrder(webhook)(tx);
        await tx.query(update(one));
        if (++arrived === 2) bothAreThere();
        await both;
        await tx.query(update(other)).catch(() => undefined);
      };
    const outcomes = await Promise.allSettled([
      run(first, crossing(first, 'a', 'b')),
      run(second, crossing(second, 'b', 'a')),
    ]);
    const [lost] = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(lost?.reason).toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
    const loser = outcomes[0]?.status === 'rejected' ? first : second;
    expect(await orders(loser)).toBe(0);
    expect((await run(loser, insertOrder(loser))).state).toBe('done');
  });

  describe('a crash at any point leaves exactly one effect after the retry', () => {
    // Two probes, claim, begin, savepoint, the handler's own statement, check, record, commit.
    const LAST = 8;
    const points = Array.from({ length: LAST + 1 }, (_, statement) => statement).flatMap((statement) => [
      { statement, moment: 'before it is sent' },
      { statement, moment: 'when its response is on its way' },
    ]);
    test.each(points)('statement $statement $moment', async ({ statement, moment }) => {
      const webhook = await delivery();
      const crashed = await withConnection(async (connection) => {
        const die = () =>
          (
            connection as unknown as { connection: { stream: { destroy(): void } } }
          ).connection.stream.destroy();
        const { query } = connection;
        let sent = 0;
        connection.query = (async (...args: unknown[]) => {
          const crashes = sent++ === statement;
          if (crashes && moment === 'before it is sent') die();
          const answer = Reflect.apply(query, connection, args);
          if (!crashes) return answer;
          await ended(answer);
          die();
          throw new Error('the response never came');
        }) as unknown as typeof query;
        return ended(store.run(connection, webhook, insertOrder(webhook)));
      });
      expect(crashed).toBeInstanceOf(Error);
      const before = await orders(webhook);
      expect(before).toBe(statement === LAST && moment === 'when its response is on its way' ? 1 : 0);
      // A claim whose holder is gone holds for the rest of its lease.
      await database.advance(31_000);
      const retried = await vi.waitFor(() => run(webhook, insertOrder(webhook)), 30_000);
      expect(retried.state).toBe(before === 1 ? 'duplicate' : 'done');
      expect(await orders(webhook)).toBe(1);
    });

    test('a connection that the server ends while the handler is busy elsewhere', async () => {
      const webhook = await delivery();
      const failed = await ended(
        run(webhook, async (tx) => {
          await insertOrder(webhook)(tx);
          await database.query(`KILL ${tx.threadId}`);
        }),
      );
      expect(failed).toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
      expect(await orders(webhook)).toBe(0);
      const retried = await vi.waitFor(() => run(webhook, insertOrder(webhook)), 30_000);
      expect(retried.state).toBe('done');
    });
  });

  describe('together with claims that have a lease', () => {
    test('a live claim is in progress, for what is left of its lease', async () => {
      const webhook = await delivery();
      await store.claim(replayRecord(webhook).key, { leaseMs: 12_000, fenceTtlMs: 600_000 });
      const handler = vi.fn();
      await expect(run(webhook, handler)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_IN_PROGRESS',
        retryAfterSeconds: expect.toSatisfy((seconds: number) => seconds > 1 && seconds <= 12),
      });
      expect(handler).not.toHaveBeenCalled();
    });

    test('a committed claim is a duplicate, until its time is over', async () => {
      const webhook = await delivery();
      const key = replayRecord(webhook).key;
      const claim = await store.claim(key, HELD);
      if (claim.state !== 'claimed') throw new Error(claim.state);
      await store.commit(key, claim.token, { ttlMs: 600_000, replayWindowMs: 600_000 });
      expect((await run(webhook, insertOrder(webhook))).state).toBe('duplicate');
      await database.advance(600_001);
      expect((await run(webhook, insertOrder(webhook))).state).toBe('done');
      expect((await run(webhook, insertOrder(webhook))).state).toBe('duplicate');
    });

    test('while the handler runs, its claim is in progress for others, and is renewed', async () => {
      const webhook = await delivery();
      const { key } = replayRecord(webhook);
      await run(
        webhook,
        async (tx) => {
          await insertOrder(webhook)(tx);
          await database.advance(900);
          await vi.waitFor(async () => {
            const claim = await store.claim(key, HELD);
            expect(claim).toMatchObject({ state: 'in-progress' });
            expect((claim as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(500);
          }, 30_000);
          await database.advance(-900);
        },
        { leaseSeconds: 3 },
      );
      expect(await store.claim(key, HELD)).toEqual({ state: 'committed' });
    });

    test.each(LEVELS)('a handler that outlasts a renewal of its lease commits, at %s', async (isolation) => {
      const webhook = await delivery();
      const digest = replayKeyDigest(replayRecord(webhook).key);
      const leaseUntil = async () => {
        const sql = 'SELECT CAST(lease_until AS CHAR) AS time FROM countersign_replay WHERE `key` = ?';
        return (await database.query<{ time: string }>(sql, [digest]))[0]?.time;
      };
      await withConnection(async (connection) => {
        // The default of newer versions of MariaDB.
        const snapshots = await database.query("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'");
        if (snapshots.length > 0) await connection.query('SET SESSION innodb_snapshot_isolation = ON');
        const { state } = await store.run(
          connection,
          webhook,
          async (tx) => {
            const first = await leaseUntil();
            await insertOrder(webhook)(tx);
            await tx.query('SELECT * FROM stock');
            await vi.waitFor(async () => expect(await leaseUntil()).not.toBe(first), 30_000);
          },
          { isolation, leaseSeconds: 1 },
        );
        expect(state).toBe('done');
        if (snapshots.length > 0) await connection.query('SET SESSION innodb_snapshot_isolation = DEFAULT');
      });
      expect(await orders(webhook)).toBe(1);
      expect((await run(webhook, insertOrder(webhook))).state).toBe('duplicate');
    });

    test('a run that lost its lease to another one commits nothing', async () => {
      const webhook = await delivery();
      const { key } = replayRecord(webhook);
      const late = await ended(
        run(webhook, async (tx) => {
          await insertOrder(webhook)(tx);
          // As if this process had been paused past its lease.
          await database.advance(60_000);
          expect((await run(webhook, insertOrder(webhook))).state).toBe('done');
        }),
      );
      expect(late).toMatchObject({ code: 'ERR_WEBHOOK_IN_PROGRESS' });
      expect(await orders(webhook)).toBe(1);
      expect(await store.claim(key, HELD)).toEqual({ state: 'committed' });
    });
  });

  describe('refuses', () => {
    test('a pool, before anything runs', async () => {
      const webhook = await delivery();
      const handler = vi.fn();
      await expect(store.run(database.pool, webhook, handler)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
        message: expect.stringContaining('await pool.getConnection()'),
      });
      expect(handler).not.toHaveBeenCalled();
    });

    test('a connection that is in a transaction, and leaves that as it was', async () => {
      const webhook = await delivery();
      const handler = vi.fn();
      await withConnection(async (connection) => {
        await connection.beginTransaction();
        await insertOrder(webhook)(connection);
        await expect(store.run(connection, webhook, handler)).rejects.toMatchObject({
          code: 'ERR_WEBHOOK_CONFIG_INVALID',
          message: expect.stringContaining('already in a transaction'),
        });
        expect(await orders(webhook)).toBe(0);
        await connection.commit();
      });
      expect(handler).not.toHaveBeenCalled();
      expect(await orders(webhook)).toBe(1);
      expect((await run(webhook, handler)).state).toBe('done');
    });

    test('a second run on the connection of the first, which goes on', async () => {
      const [outer, inner] = [await delivery(), await delivery()];
      const result = await run(outer, async (tx) => {
        await insertOrder(outer)(tx);
        return ended(store.run(tx, inner, insertOrder(inner)));
      });
      expect(result).toMatchObject({ state: 'done', result: { code: 'ERR_WEBHOOK_CONFIG_INVALID' } });
      expect([await orders(outer), await orders(inner)]).toEqual([1, 0]);
    });

    test('a webhook that no verifier made, no handler, and options that it does not know', async () => {
      const webhook = await delivery();
      const handler = vi.fn();
      const wrong: [unknown, unknown, unknown, unknown?][] = [
        [{}, webhook, handler],
        [undefined, webhook, handler],
        ['client', { ...webhook }, handler],
        ['client', webhook, undefined],
        ['client', webhook, handler, { isolationLevel: 'serializable' }],
        ['client', webhook, handler, { isolation: 'read uncommitted; DROP TABLE orders' }],
        ['client', webhook, handler, { leaseSeconds: 0 }],
        ['client', webhook, handler, null],
      ];
      await withConnection(async (connection) => {
        for (const [first, ...rest] of wrong) {
          const args = [first === 'client' ? connection : first, ...rest];
          await expect(Reflect.apply(store.run, store, args)).rejects.toMatchObject({
            code: 'ERR_WEBHOOK_CONFIG_INVALID',
          });
        }
      });
      expect(handler).not.toHaveBeenCalled();
    });
  });
});
