import { createVerifier, replayRecord, type VerifiedWebhook } from '@countersign/core';
import type { PostgresReplayStore, RunOptions } from '@countersign/postgres';
import { standardWebhooks } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import { type Database, openDatabase } from '../../../test/support/servers/postgres-database.ts';

const describeWithPostgres = await describeWith('postgres');

const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };
const LEVELS = ['read committed', 'repeatable read', 'serializable'] as const;

function closedGate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describeWithPostgres('run(client, webhook, handler)', () => {
  let database: Database;
  let store: PostgresReplayStore;
  const verifier = createVerifier({ scheme: standardWebhooks(), secrets: SECRET, replay: false });

  beforeAll(async () => {
    database = await openDatabase({ max: 20 });
    store = database.store();
    await database.query(`CREATE TABLE ${database.schema}.orders (id text, note text)`);
    await database.query(
      `CREATE TABLE ${database.schema}.invoices (id text UNIQUE DEFERRABLE INITIALLY DEFERRED)`,
    );
  });
  beforeEach(() => database.query(`TRUNCATE ${database.schema}.orders, ${database.schema}.invoices`));
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

  function insertOrder(webhook: VerifiedWebhook): (tx: pg.ClientBase) => Promise<string> {
    return async (tx) => {
      await tx.query(`INSERT INTO ${database.schema}.orders (id) VALUES ($1)`, [webhook.id]);
      return `order of ${webhook.id}`;
    };
  }

  async function orders(webhook: VerifiedWebhook): Promise<number> {
    const rows = await database.query(`SELECT 1 FROM ${database.schema}.orders WHERE id = $1`, [webhook.id]);
    return rows.length;
  }

  async function withClient<T>(use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await database.pool.connect();
    try {
      return await use(client);
    } finally {
      client.release();
    }
  }

  function run<T>(
    webhook: VerifiedWebhook,
    handler: (tx: pg.PoolClient) => T | Promise<T>,
    options?: RunOptions,
  ) {
    return withClient((client) => store.run(client, webhook, handler, options));
  }

  /** Waits until a session waits for another session's lock. */
  async function somebodyWaits(): Promise<void> {
    await vi.waitFor(async () => {
      const waiting = await database.query(
        `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'`,
        [`"${database.schema}"."countersign_replay"`],
      );
      expect(waiting.length).toBeGreaterThan(0);
    }, 30_000);
  }

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

    test('what the handler throws undoes both, and is thrown as it is', async () => {
      const webhook = await delivery();
      const mistake = new Error('out of stock');
      const failing = async (tx: pg.PoolClient) => {
        await insertOrder(webhook)(tx);
        throw mistake;
      };
      await expect(run(webhook, failing)).rejects.toBe(mistake);
      expect(await orders(webhook)).toBe(0);
      expect((await run(webhook, insertOrder(webhook))).state).toBe('done');
      expect(await orders(webhook)).toBe(1);
    });

    test('what fails at the end, in a deferred constraint, is thrown as it is too', async () => {
      const webhook = await delivery();
      const twice = async (tx: pg.PoolClient) => {
        await insertOrder(webhook)(tx);
        await tx.query(`INSERT INTO ${database.schema}.invoices VALUES ('a'), ('a')`);
      };
      await expect(run(webhook, twice)).rejects.toMatchObject({ code: '23505' });
      expect(await orders(webhook)).toBe(0);
      expect((await run(webhook, insertOrder(webhook))).state).toBe('done');
    });

    test('so is the error of a deferred trigger', async () => {
      const { schema } = database;
      await database.query(
        `CREATE FUNCTION ${schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$`,
      );
      await database.query(
        `CREATE CONSTRAINT TRIGGER late AFTER INSERT ON ${schema}.invoices DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW WHEN (NEW.id = 'late') EXECUTE FUNCTION ${schema}.refuse()`,
      );
      const webhook = await delivery();
      const late = (tx: pg.PoolClient) => tx.query(`INSERT INTO ${schema}.invoices VALUES ('late')`);
      await expect(run(webhook, late)).rejects.toMatchObject({ code: 'P0001', message: 'too late' });
      expect((await run(webhook, insertOrder(webhook))).state).toBe('done');
    });

    test('a handler may use savepoints', async () => {
      const webhook = await delivery();
      await run(webhook, async (tx) => {
        await tx.query('SAVEPOINT attempt');
        await tx.query('SELECT 1 / 0').catch(() => tx.query('ROLLBACK TO SAVEPOINT attempt'));
        await insertOrder(webhook)(tx);
      });
      expect(await orders(webhook)).toBe(1);
      expect((await run(webhook, insertOrder(webhook))).state).toBe('duplicate');
    });

    test('a handler that swallows an error after which nothing commits makes run() throw', async () => {
      const webhook = await delivery();
      const swallowing = async (tx: pg.PoolClient) => {
        await insertOrder(webhook)(tx);
        await tx.query('SELECT 1 / 0').catch(() => undefined);
      };
      await expect(run(webhook, swallowing)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
        message: expect.stringContaining('nothing was committed'),
      });
      expect(await orders(webhook)).toBe(0);
      expect((await run(webhook, insertOrder(webhook))).state).toBe('done');
    });

    test('a statement that nothing waits for, and that fails, lets nothing be committed', async () => {
      const webhook = await delivery();
      const careless = async (tx: pg.PoolClient) => {
        await insertOrder(webhook)(tx);
        // As soon as the check before the commit is on its way: too late for it to see.
        const { query } = tx;
        tx.query = ((text: string, ...rest: unknown[]) => {
          const result = Reflect.apply(query, tx, [text, ...rest]);
          if (text.startsWith('SELECT pg_current_xact_id_if_assigned')) {
            tx.query = query;
            Reflect.apply(query, tx, ['SELECT 1 / 0']).catch(() => undefined);
          }
          return result;
        }) as typeof query;
      };
      await expect(run(webhook, careless)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
        message: expect.stringContaining('nothing was committed'),
      });
      expect(await orders(webhook)).toBe(0);
    });

    test.each(['COMMIT', 'ROLLBACK'])('a handler that calls %s itself makes run() throw', async (ending) => {
      const webhook = await delivery();
      const meddling = async (tx: pg.PoolClient) => {
        await insertOrder(webhook)(tx);
        await tx.query(ending);
      };
      await expect(run(webhook, meddling)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
        message: expect.stringContaining('Leave BEGIN, COMMIT and ROLLBACK to run()'),
      });
    });

    test('the handler has its own lock_timeout, and the isolation level that was asked for', async () => {
      for (const isolation of LEVELS) {
        const webhook = await delivery();
        await withClient(async (client) => {
          await client.query("SET lock_timeout = '47s'");
          const { result } = (await store.run(
            client,
            webhook,
            async (tx) => {
              const { rows } = await tx.query(
                "SELECT current_setting('lock_timeout') AS wait, current_setting('transaction_isolation') AS level",
              );
              return rows;
            },
            { isolation },
          )) as { result: unknown };
          expect(result).toEqual([{ wait: '47s', level: isolation }]);
          await client.query('RESET lock_timeout');
        });
      }
    });
  });

  describe.each(LEVELS)('at the same time, %s', (isolation) => {
    test('of 100 deliveries one has an effect, and the others are duplicates in the end', async () => {
      const webhook = await delivery();
      let runs = 0;
      const handler = async (tx: pg.PoolClient) => {
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

    test.each(['commits', 'fails'])('a duplicate waits for the first run, and when that %s', async (end) => {
      const webhook = await delivery();
      const [begun, gate] = [closedGate(), closedGate()];
      const first = run(
        webhook,
        async (tx) => {
          await insertOrder(webhook)(tx);
          begun.open();
          await gate.opened;
          if (end === 'fails') throw new Error('failed');
        },
        { isolation },
      ).catch(() => 'failed');
      await begun.opened;
      const second = run(webhook, insertOrder(webhook), { isolation });
      await somebodyWaits();
      gate.open();
      await first;
      expect((await second).state).toBe(end === 'commits' ? 'duplicate' : 'done');
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

  describe('with transactions that must be tried again', () => {
    test('a handler that runs into a serialization failure gets a retryable error', async () => {
      const [first, second] = [await delivery(), await delivery()];
      await database.query(`INSERT INTO ${database.schema}.orders VALUES ('shared', '')`);
      const update = `UPDATE ${database.schema}.orders SET note = note || 'x' WHERE id = 'shared'`;
      const outcome = await run(
        first,
        async (tx) => {
          await tx.query('SELECT 1');
          await run(second, (other) => other.query(update));
          await tx.query(update);
        },
        { isolation: 'repeatable read' },
      ).catch((error: unknown) => error);
      expect(outcome).toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE', cause: { code: '40001' } });
      expect((await run(first, (tx) => tx.query(update))).state).toBe('done');
    });

    test('so does one whose commit fails for it', async () => {
      const [first, second] = [await delivery(), await delivery()];
      // Each reads what the other writes: one of them can't be serialized.
      const count = `SELECT count(*) FROM ${database.schema}.orders`;
      const skewed = run(
        first,
        async (tx) => {
          await tx.query(count);
          await insertOrder(first)(tx);
          await run(
            second,
            async (other) => {
              await other.query(count);
              await insertOrder(second)(other);
            },
            { isolation: 'serializable' },
          );
        },
        { isolation: 'serializable' },
      );
      await expect(skewed).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
        cause: { code: '40001' },
      });
      expect(await orders(first)).toBe(0);
      expect((await run(first, insertOrder(first))).state).toBe('done');
    });
  });

  describe('a crash at any point leaves exactly one effect after the retry', () => {
    // Look, begin, remember, the handler's own statement, check, commit.
    const points = [0, 1, 2, 3, 4, 5].flatMap((statement) => [
      { statement, moment: 'before it is sent' },
      { statement, moment: 'when its response is on its way' },
    ]);
    test.each(points)('statement $statement $moment', async ({ statement, moment }) => {
      const webhook = await delivery();
      const crashed = await withClient(async (client) => {
        const die = () => (client as unknown as { connection: pg.Connection }).connection.stream.destroy();
        const { query } = client;
        let sent = 0;
        client.query = (async (...args: unknown[]) => {
          const crashes = sent++ === statement;
          if (crashes && moment === 'before it is sent') die();
          const result = await Reflect.apply(query, client, args);
          if (!crashes) return result;
          die();
          throw new Error('the response never came');
        }) as unknown as typeof query;
        return store.run(client, webhook, insertOrder(webhook)).catch((error: unknown) => error);
      });
      expect(crashed).toBeInstanceOf(Error);
      const before = await orders(webhook);
      expect(before).toBe(statement === 5 && moment === 'when its response is on its way' ? 1 : 0);
      const retried = await vi.waitFor(() => run(webhook, insertOrder(webhook)), 30_000);
      expect(retried.state).toBe(before === 1 ? 'duplicate' : 'done');
      expect(await orders(webhook)).toBe(1);
    });

    test("a client that can't be ended is left without a transaction, though its BEGIN got no response in time", async () => {
      const webhook = await delivery();
      const brief = database.store({ timeoutMs: 200 });
      await withClient(async (client) => {
        const late = closedGate();
        // As a client of another make, behind a proxy that holds one response back.
        const slow = {
          async query(text: string, values?: unknown[]) {
            const result = await client.query(text, values);
            if (text === 'BEGIN') await late.opened;
            return result;
          },
        };
        await expect(brief.run(slow, webhook, vi.fn())).rejects.toMatchObject({
          code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
        });
        late.open();
        await client.query('SAVEPOINT inside').then(
          () => expect.fail('the client is in a transaction'),
          (error: { code: string }) => expect(error.code).toBe('25P01'),
        );
      });
    });

    test('a connection that the server ends while the handler is busy elsewhere', async () => {
      const webhook = await delivery();
      const failed = await run(webhook, async (tx) => {
        await insertOrder(webhook)(tx);
        const { rows } = await tx.query('SELECT pg_backend_pid() AS pid');
        const gone = new Promise((resolve) => tx.once('end', resolve));
        await database.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
        await gone;
      }).catch((error: unknown) => error);
      expect(failed).toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
      expect(await orders(webhook)).toBe(0);
      expect((await run(webhook, insertOrder(webhook))).state).toBe('done');
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

    test('a released claim runs', async () => {
      const webhook = await delivery();
      const key = replayRecord(webhook).key;
      const claim = await store.claim(key, HELD);
      if (claim.state === 'claimed') await store.release(key, claim.token);
      expect((await run(webhook, insertOrder(webhook))).state).toBe('done');
    });

    test('a lapsed claim is taken over, and its late holder can do nothing any more', async () => {
      const webhook = await delivery();
      const key = replayRecord(webhook).key;
      const late = await store.claim(key, { leaseMs: 1000, fenceTtlMs: 600_000 });
      if (late.state !== 'claimed') throw new Error(late.state);
      await database.advance(2000);
      expect((await run(webhook, insertOrder(webhook))).state).toBe('done');
      expect(await store.renew(key, late.token, 1000)).toBe(false);
      expect(await store.release(key, late.token)).toBe(false);
      expect(await store.commit(key, late.token, { ttlMs: 1000, replayWindowMs: 1000 })).toBe(false);
      expect(await store.claim(key, HELD)).toEqual({ state: 'committed' });
    });

    test('a run that fails leaves a lapsed claim as it was', async () => {
      const webhook = await delivery();
      const key = replayRecord(webhook).key;
      await store.claim(key, { leaseMs: 1000, fenceTtlMs: 600_000 });
      await database.advance(2000);
      await expect(
        run(webhook, () => {
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
      expect(await store.claim(key, HELD)).toMatchObject({ state: 'claimed', token: { fencingToken: 2 } });
    });

    test.each(['absent', 'lapsed'])('a claim does not wait for a run of an %s key to end', async (state) => {
      const webhook = await delivery();
      const key = replayRecord(webhook).key;
      if (state === 'lapsed') {
        await store.claim(key, { leaseMs: 1000, fenceTtlMs: 600_000 });
        await database.advance(2000);
      }
      const brief = database.store({ timeoutMs: 400 });
      await run(webhook, async (tx) => {
        await insertOrder(webhook)(tx);
        // On a busy machine the deadline of the call may come before the server's own.
        await vi.waitFor(
          async () => expect(await brief.claim(key, HELD)).toMatchObject({ state: 'in-progress' }),
          60_000,
        );
        await vi.waitFor(
          () =>
            expect(withClient((other) => brief.run(other, webhook, vi.fn()))).rejects.toMatchObject({
              code: 'ERR_WEBHOOK_IN_PROGRESS',
              retryAfterSeconds: 1,
            }),
          60_000,
        );
      });
      expect(await store.claim(key, HELD)).toEqual({ state: 'committed' });
    });
  });

  describe('refuses', () => {
    test('a pool, before anything runs', async () => {
      const webhook = await delivery();
      const handler = vi.fn();
      await expect(store.run(database.pool, webhook, handler)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
        message: expect.stringContaining('await pool.connect()'),
      });
      expect(handler).not.toHaveBeenCalled();
    });

    test('a client that is in a transaction, and leaves that as it was', async () => {
      const webhook = await delivery();
      const handler = vi.fn();
      await withClient(async (client) => {
        await client.query('BEGIN');
        await insertOrder(webhook)(client);
        await expect(store.run(client, webhook, handler)).rejects.toMatchObject({
          code: 'ERR_WEBHOOK_CONFIG_INVALID',
          message: expect.stringContaining('already in a transaction'),
        });
        expect(await orders(webhook)).toBe(0);
        await client.query('COMMIT');
      });
      expect(handler).not.toHaveBeenCalled();
      expect(await orders(webhook)).toBe(1);
      expect((await run(webhook, handler)).state).toBe('done');
    });

    test('a second run of the same delivery on the client of the first, which is not handled yet', async () => {
      const webhook = await delivery();
      const seen: unknown[] = [];
      const outer = run(webhook, async (tx) => {
        await insertOrder(webhook)(tx);
        seen.push(await store.run(tx, webhook, insertOrder(webhook)).catch((error: unknown) => error));
        throw new Error('not handled');
      });
      await expect(outer).rejects.toThrow('not handled');
      expect(seen).toEqual([expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' })]);
      expect(await orders(webhook)).toBe(0);
    });

    test('a second run on the client of the first', async () => {
      const [outer, inner] = [await delivery(), await delivery()];
      const result = await run(outer, async (tx) => {
        await insertOrder(outer)(tx);
        return store.run(tx, inner, insertOrder(inner)).catch((error: unknown) => error);
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
        ['client', webhook, handler, null],
      ];
      await withClient(async (client) => {
        for (const [first, ...rest] of wrong) {
          const args = [first === 'client' ? client : first, ...rest];
          await expect(Reflect.apply(store.run, store, args)).rejects.toMatchObject({
            code: 'ERR_WEBHOOK_CONFIG_INVALID',
          });
        }
      });
      expect(handler).not.toHaveBeenCalled();
    });
  });
});
