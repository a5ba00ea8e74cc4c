import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { createVerifier, isWebhookError } from '@countersign/core';
import { migrate, postgresReplayStore, type Queryable } from '@countersign/postgres';
import { standardWebhooks } from '@countersign/schemes';
import { manualClock, sign } from '@countersign/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import { freePort } from '../../../test/support/servers/free-port.ts';
import { type Database, databaseOn, openPool } from '../../../test/support/servers/postgres-database.ts';
import { startPostgres } from '../../../test/support/servers/postgres-server.ts';

const describeWithPostgres = await describeWith('postgres-server');

const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };
const KEPT = { ttlMs: 600_000, replayWindowMs: 600_000 };
const PASSWORD = 'hunter2-never-shown';
const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

describe('postgresReplayStore() refuses', () => {
  const pool = { query: async () => ({ rows: [] }) };
  test.each<[string, unknown]>([
    ['no options', undefined],
    ['no pool', {}],
    ['a connection string as pool', { pool: 'postgres://127.0.0.1/' }],
    ['the module of pg as pool', { pool: pg }],
    ['the class Pool as pool', { pool: pg.Pool }],
    ['an option that it does not know', { pool, schemaName: 'hooks' }],
    ['a timeout of 0', { pool, timeoutMs: 0 }],
    ['a negative timeout', { pool, timeoutMs: -1 }],
    ['a timeout that is not a number', { pool, timeoutMs: Number.NaN }],
    ['a timeout without end', { pool, timeoutMs: Number.POSITIVE_INFINITY }],
    ['a timeout beyond any sender', { pool, timeoutMs: 60_001 }],
    ['a timeout as text', { pool, timeoutMs: '2000' }],
    ['a sweep every 0 seconds', { pool, sweepSeconds: 0 }],
    ['a sweep now and then', { pool, sweepSeconds: true }],
    ['a table with its schema', { pool, table: 'hooks.replay' }],
    ['a table without a name', { pool, table: '' }],
    ['a clock that is a date', { pool, clock: new Date() }],
    ['a clock that is null', { pool, clock: null }],
  ])('%s', (_, options) => {
    expect(() => Reflect.apply(postgresReplayStore, undefined, [options])).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });

  test('and says what is meant', () => {
    expect(() => Reflect.apply(postgresReplayStore, undefined, [{ pool, timeout: 1 }])).toThrow(
      'Did you mean "timeoutMs"?',
    );
    expect(() => Reflect.apply(postgresReplayStore, undefined, [{ pool: 'postgres://u:p@h/' }])).toThrow(
      'new Pool({ connectionString })',
    );
  });
});

describe('calls that make no sense', () => {
  const asked = vi.fn(async () => ({ rows: [] }));
  const store = postgresReplayStore({ pool: { query: asked } });
  const token = { fencingToken: 1, owner: '0'.repeat(32) };
  afterEach(() => expect(asked).not.toHaveBeenCalled());

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1000', undefined, null])(
    'a time of %s is refused, with its name',
    async (time) => {
      const wrong = time as number;
      const calls: [Promise<unknown>, string][] = [
        [store.claim('k', { leaseMs: wrong, fenceTtlMs: 1 }), '"leaseMs"'],
        [store.claim('k', { leaseMs: 1, fenceTtlMs: wrong }), '"fenceTtlMs"'],
        [store.renew('k', token, wrong), '"leaseMs"'],
        [store.commit('k', token, { ttlMs: wrong, replayWindowMs: 1 }), '"ttlMs"'],
        [store.commit('k', token, { ttlMs: 1, replayWindowMs: wrong }), '"replayWindowMs"'],
      ];
      for (const [call, name] of calls) {
        await expect(call).rejects.toMatchObject({
          code: 'ERR_WEBHOOK_CONFIG_INVALID',
          message: expect.stringContaining(name),
        });
      }
    },
  );

  test('a guard beyond the ttl, and a key that is not text, are refused', async () => {
    await expect(store.commit('k', token, { ttlMs: 10, replayWindowMs: 11 })).rejects.toThrow(
      'at most "ttlMs"',
    );
    for (const key of ['', 7, undefined] as string[]) {
      await expect(store.claim(key, HELD)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
    }
  });

  test('tokens of other stores are refused without asking', async () => {
    const strange = [
      { fencingToken: 1, owner: 'nobody' },
      { fencingToken: 1, owner: 'A'.repeat(22) },
      { fencingToken: 1.5, owner: token.owner },
      { fencingToken: 2 ** 40, owner: token.owner },
      { fencingToken: Number.NaN, owner: token.owner },
    ];
    for (const other of strange) expect(await store.commit('k', other, KEPT)).toBe(false);
  });
});

describeWithPostgres('when the database fails', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let database: Database;
  beforeAll(async () => {
    server = await startPostgres({ settings: { max_connections: '40' } });
    database = await databaseOn(server.url, { max: 5 });
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });

  /** A pool with a password in its connection string. */
  function poolFor(
    options: pg.PoolConfig & { user?: string; database?: string; port?: number } = {},
  ): pg.Pool {
    const { user = 'postgres', database: name = 'postgres', port = server.port, ...rest } = options;
    const pool = openPool(`postgres://${user}:${PASSWORD}@127.0.0.1:${port}/${name}`, rest);
    onTestFinished(() => (pool.ended ? undefined : pool.end()));
    return pool;
  }

  function storeOn(pool: Queryable, timeoutMs = 60_000) {
    return postgresReplayStore({ pool, schema: database.schema, timeoutMs, sweepSeconds: false });
  }

  async function expectUnavailable(call: Promise<unknown>, sentence: RegExp): Promise<void> {
    const error: unknown = await call.then(
      (result) => expect.fail(`it gave ${JSON.stringify(result)}`),
      (thrown: unknown) => thrown,
    );
    if (!isWebhookError(error)) throw error;
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE', status: 503 });
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.message).toMatch(sentence);
    for (const text of [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)]) {
      expect(text).not.toContain(PASSWORD);
    }
    expect(error.message).not.toContain('127.0.0.1');
  }

  async function everyCallIsUnavailable(pool: pg.Pool, sentence: RegExp, schema = database.schema) {
    const store = postgresReplayStore({ pool, schema, timeoutMs: 60_000 });
    const token = { fencingToken: 1, owner: '0'.repeat(32) };
    await expectUnavailable(store.claim('k', HELD), sentence);
    await expectUnavailable(store.renew('k', token, 1000), sentence);
    await expectUnavailable(store.commit('k', token, KEPT), sentence);
    await expectUnavailable(store.release('k', token), sentence);
    await expectUnavailable(store.sweep(), sentence);
  }

  describe('by what it returns', () => {
    test('a table that is missing: run migrate()', async () => {
      await everyCallIsUnavailable(
        poolFor(),
        /"nowhere"\."countersign_replay" does not exist\. Run migrate/,
        'nowhere',
      );
    });

    test('a table of another application', async () => {
      await database.query(`CREATE TABLE ${database.schema}.other (key bytea PRIMARY KEY)`);
      const store = postgresReplayStore({ pool: poolFor(), schema: database.schema, table: 'other' });
      await expectUnavailable(store.claim('k', HELD), /doesn't have the columns/);
    });

    test('a role without rights', async () => {
      await database.query('CREATE ROLE stranger LOGIN');
      await everyCallIsUnavailable(poolFor({ user: 'stranger' }), /has no permission/);
      await database.query(`GRANT USAGE ON SCHEMA ${database.schema} TO stranger`);
      await everyCallIsUnavailable(
        poolFor({ user: 'stranger' }),
        /Grant SELECT, INSERT, UPDATE and DELETE.*SQLSTATE 42501/,
      );
    });

    test('a server that takes no writes', async () => {
      const pool = poolFor({ options: '-c default_transaction_read_only=on' });
      await everyCallIsUnavailable(pool, /takes no writes/);
    });

    test('a connection that takes no writes any more is replaced: after a failover, another one does', async () => {
      const pool = poolFor({ max: 1 });
      const client = await pool.connect();
      await client.query('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY');
      client.release();
      await expectUnavailable(storeOn(pool).claim('written later', HELD), /takes no writes/);
      expect((await storeOn(pool).claim('written later', HELD)).state).toBe('claimed');
    });

    test.each([
      ['open', 'SELECT 1'],
      ['failed', 'SELECT 1 / 0'],
    ])('a connection that other code released in an %s transaction is replaced', async (key, statement) => {
      const pool = poolFor({ max: 1 });
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query(statement).catch(() => undefined);
      client.release();
      const sentence = /End every transaction before you release its connection/;
      await expectUnavailable(storeOn(pool).claim(key, HELD), sentence);
      expect((await storeOn(pool).claim(key, HELD)).state).toBe('claimed');
      expect((await storeOn(database.pool).claim(key, HELD)).state).toBe('in-progress');
    });

    test('no connection left', async () => {
      await database.query('CREATE ROLE crowd LOGIN CONNECTION LIMIT 0');
      await everyCallIsUnavailable(poolFor({ user: 'crowd' }), /no connection left.*SQLSTATE 53300/);
    });

    test('a role that does not exist, and a database that does not', async () => {
      await everyCallIsUnavailable(poolFor({ user: 'nobody_here' }), /rejected the login/);
      await everyCallIsUnavailable(
        poolFor({ database: 'nothing_here' }),
        /database of the pool does not exist/,
      );
    });

    test('a database that takes no connections: the connection is refused, not a statement', async () => {
      await database.query('CREATE DATABASE closed ALLOW_CONNECTIONS false');
      await everyCallIsUnavailable(
        poolFor({ database: 'closed' }),
        /refused a connection \(SQLSTATE 55000\)\. See "cause"/,
      );
      await database.query('DROP DATABASE closed');
    });

    // A pooler in transaction mode runs each statement on any connection: so on one that has prepared others, or none.
    test.each([
      ['does not exist', 'DEALLOCATE ALL', /prepared statement does not exist.*"prepare" to false.*26000/],
      ['already exists', undefined, /prepared statement already exists.*"prepare" to false.*42P05/],
    ])('a prepared statement that %s: "prepare" is the cause', async (_, before, sentence) => {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      onTestFinished(() => client.end());
      const options = { pool: client, schema: database.schema, prepare: true, sweepSeconds: false } as const;
      await postgresReplayStore(options).claim('prepared', HELD);
      if (before !== undefined) await client.query(before);
      else
        (client as unknown as { connection: { parsedStatements: object } }).connection.parsedStatements = {};
      await expectUnavailable(postgresReplayStore(options).claim('prepared', HELD), sentence);
    });

    test('a statement that is canceled', async () => {
      const pool = poolFor({ options: '-c statement_timeout=100' });
      const other = await database.pool.connect();
      await other.query('BEGIN');
      await other.query(`LOCK TABLE ${database.schema}.countersign_replay`);
      await everyCallIsUnavailable(pool, /canceled the statement/);
      await other.query('ROLLBACK');
      other.release();
      expect(await storeOn(pool).claim('canceled', HELD)).toMatchObject({ state: 'claimed' });
    });

    test('anything else, by its SQLSTATE', async () => {
      const failing = Object.assign(new Error('deliberate'), { code: 'XX001', severity: 'ERROR' });
      const store = postgresReplayStore({ pool: { query: () => Promise.reject(failing) } });
      await expectUnavailable(store.claim('k', HELD), /SQLSTATE XX001/);
    });

    test('in a way that is not of pg, it is a mistake of ours', async () => {
      const store = postgresReplayStore({ pool: { query: async () => [[], []] as never } });
      await expect(store.claim('k', HELD)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
        message: expect.stringContaining('{ rows }'),
      });
    });
  });

  test('a time longer than any calendar is one of a thousand years', async () => {
    const [store, forever] = [storeOn(database.pool), 1e300];
    const claim = await store.claim('forever', { leaseMs: forever, fenceTtlMs: forever });
    if (claim.state !== 'claimed') throw new Error(claim.state);
    expect(await store.renew('forever', claim.token, forever)).toBe(true);
    expect(await store.commit('forever', claim.token, { ttlMs: forever, replayWindowMs: forever })).toBe(
      true,
    );
    expect(await store.claim('forever', HELD)).toEqual({ state: 'committed' });
  });

  describe('by being gone', () => {
    test('nothing listens at its port', async () => {
      await everyCallIsUnavailable(
        poolFor({ port: await freePort() }),
        /Nothing accepts connections.*ECONNREFUSED/,
      );
    });

    test('the pool is closed', async () => {
      const pool = poolFor();
      await pool.end();
      await everyCallIsUnavailable(pool, /closed with end\(\)/);
    });

    test('the client is closed', async () => {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      await client.end();
      await expectUnavailable(storeOn(client).claim('k', HELD), /closed with end\(\)/);
    });

    test('killed and started again between claim and commit: the claim holds', async () => {
      const store = storeOn(database.pool);
      const claim = await store.claim('survivor', HELD);
      if (claim.state !== 'claimed') throw new Error(claim.state);
      await server.kill('SIGKILL');
      await expectUnavailable(
        store.commit('survivor', claim.token, KEPT),
        /Nothing accepts connections|could not be reached|shutting down/,
      );
      await server.restart();
      expect(await vi.waitFor(() => store.commit('survivor', claim.token, KEPT), 30_000)).toBe(true);
      expect(await store.claim('survivor', HELD)).toEqual({ state: 'committed' });
    });

    test('restarted in good order under load: every call ends, and those that are told "claimed" are', async () => {
      const store = storeOn(database.pool);
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
            // A refusal may come without a turn of the event loop, on which the restart waits.
            await setImmediate();
            expect(error).toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
          }
        }
      });
      await vi.waitFor(() => expect(claimed.size).toBeGreaterThan(50), 30_000);
      await server.restart();
      const before = claimed.size;
      await vi.waitFor(() => expect(claimed.size).toBeGreaterThan(before + 50), 30_000);
      stop = true;
      await Promise.all(callers);
      expect(failures).toBeGreaterThan(0);
      for (const key of claimed) expect((await store.claim(key, HELD)).state).toBe('in-progress');
    });
  });

  describe('by not answering', () => {
    test('a connection that hangs is given up in time, and the pool goes on without it', async () => {
      const pool = poolFor({ max: 1 });
      const store = storeOn(pool, 300);
      const { rows } = await pool.query('SELECT pg_backend_pid() AS pid');
      const pid: number = rows[0].pid;
      process.kill(pid, 'SIGSTOP');
      try {
        await expectUnavailable(store.claim('hung', HELD), /did not respond within the 300 ms/);
        // Another key, because the hung connection may still claim this one.
        expect(await vi.waitFor(() => store.claim('next', HELD), 30_000)).toMatchObject({ state: 'claimed' });
        expect(pool.totalCount).toBe(1);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
    });

    test('a server that takes no connections is given up in time, and is used when it does', async () => {
      const pool = poolFor({ max: 2 });
      const store = storeOn(pool, 300);
      await server.kill('SIGSTOP');
      try {
        const calls = Array.from({ length: 5 }, (_, index) => store.claim(`stopped ${index}`, HELD));
        for (const call of calls) await expectUnavailable(call, /did not respond within the 300 ms/);
      } finally {
        await server.kill('SIGCONT');
      }
      const claims = () => Promise.all([0, 1, 2, 3, 4].map((index) => store.claim(`stopped ${index}`, HELD)));
      expect((await vi.waitFor(claims, 30_000)).map(({ state }) => state)).toContain('claimed');
      // What came too late for its call went back to the pool.
      await vi.waitFor(() => {
        expect(pool.waitingCount).toBe(0);
        expect(pool.idleCount).toBe(pool.totalCount);
      }, 30_000);
    });

    test('a single client that hangs gets no statement that has been given up', async () => {
      const client = new pg.Client({ connectionString: server.url });
      client.on('error', () => undefined);
      await client.connect();
      onTestFinished(() => client.end());
      const store = storeOn(client, 300);
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      const pid: number = rows[0].pid;
      process.kill(pid, 'SIGSTOP');
      try {
        const calls = [
          store.claim('single 1', HELD),
          store.claim('single 2', HELD),
          store.claim('single 3', HELD),
        ];
        for (const call of calls) await expectUnavailable(call, /did not respond/);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      const patient = postgresReplayStore({
        pool: database.pool,
        schema: database.schema,
        timeoutMs: 60_000,
      });
      expect((await vi.waitFor(() => store.claim('single 4', HELD), 30_000)).state).toBe('claimed');
      expect((await patient.claim('single 2', HELD)).state).toBe('claimed');
      expect((await patient.claim('single 3', HELD)).state).toBe('claimed');
    });

    test('a pool without a free connection fails in time', async () => {
      const pool = poolFor({ max: 1 });
      const taken = await pool.connect();
      await expectUnavailable(
        storeOn(pool, 200).claim('late', HELD),
        /no connection of the pool became free/,
      );
      taken.release();
      expect(await storeOn(pool).claim('late', HELD)).toMatchObject({ state: 'claimed' });
    });

    test('a run whose connection hangs gives it up in time, and the pool does not use it again', async () => {
      const pool = poolFor({ max: 1 });
      const verifier = createVerifier({ scheme: standardWebhooks(), secrets: SECRET, replay: false });
      onTestFinished(() => verifier.close());
      const webhook = await verifier.verify(sign(standardWebhooks(), { secret: SECRET, body: '{}' }));
      const client = await pool.connect();
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      const pid: number = rows[0].pid;
      try {
        const run = storeOn(pool, 300).run(client, webhook, async () => {
          process.kill(pid, 'SIGSTOP');
        });
        await expectUnavailable(run, /did not respond/);
        client.release();
        await vi.waitFor(() => expect(pool.totalCount).toBe(0), 30_000);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      const again = await pool.connect();
      expect(await storeOn(pool).run(again, webhook, () => 'ran')).toEqual({ state: 'done', result: 'ran' });
      again.release();
    });
  });

  describe('and what it forgets', () => {
    async function expire(keys: readonly string[]): Promise<void> {
      const store = storeOn(database.pool);
      for (const key of keys) await store.claim(key, { leaseMs: 1, fenceTtlMs: 1 });
      const hours = 3 * 3_600_000;
      await database.query(
        `UPDATE ${database.schema}.countersign_replay
         SET expires_at = expires_at - interval '3 hours', lease_until = lease_until - interval '3 hours', sweep_hour = sweep_hour - 3
         WHERE expires_at < now() + $1 * interval '1 ms'`,
        [hours / 3 / 1000],
      );
    }
    const count = async () => {
      const rows = await database.query(`SELECT 1 FROM ${database.schema}.countersign_replay`);
      return rows.length;
    };

    test('is swept in batches, whatever locks others hold, and holds up no claim', async () => {
      await database.clear();
      await expire(Array.from({ length: 30 }, (_, index) => `old ${index}`));
      const store = storeOn(database.pool);
      await store.claim('young', HELD);

      const holder = await database.pool.connect();
      await holder.query('BEGIN');
      await holder.query(
        `SELECT FROM ${database.schema}.countersign_replay WHERE sweep_hour < extract(epoch FROM now()) / 3600 LIMIT 10 FOR UPDATE`,
      );
      expect(await store.sweep()).toBe(20);
      await holder.query('COMMIT');

      // A sweep that has removed rows and has not committed yet.
      const sweeping = await database.pool.connect();
      await sweeping.query('BEGIN');
      // Without the client's status: a store refuses a transaction of other code.
      const hidden = { query: (text: string, values?: unknown[]) => sweeping.query(text, values) };
      expect(await storeOn(hidden).sweep()).toBe(10);
      expect(await store.claim('young', HELD)).toMatchObject({ state: 'in-progress' });
      expect(await store.claim('new', HELD)).toMatchObject({ state: 'claimed' });
      expect(await store.sweep()).toBe(0);
      await sweeping.query('COMMIT');
      sweeping.release();
      holder.release();
      expect(await count()).toBe(2);
    });

    test('goes under traffic by itself, and stays if that is switched off', async () => {
      await database.clear();
      await expire(['a', 'b', 'c']);
      const clock = manualClock();
      const options = { pool: database.pool, schema: database.schema, timeoutMs: 60_000, clock };
      const store = postgresReplayStore({ ...options, sweepSeconds: 10 });
      const idle = postgresReplayStore({ ...options, sweepSeconds: false });
      await clock.advance(10_000);
      await idle.claim('one', HELD);
      expect(await count()).toBe(4);
      await store.claim('two', HELD);
      await vi.waitFor(async () => expect(await count()).toBe(2), 30_000);
      await expire(['d']);
      await store.claim('three', HELD);
      await clock.advance(9_000);
      await store.claim('four', HELD);
      expect(await count()).toBe(5);
      await clock.advance(1_000);
      await store.claim('five', HELD);
      await vi.waitFor(async () => expect(await count()).toBe(5), 30_000);
    });

    test('more than one batch of it goes at once when it is asked for', async () => {
      await database.clear();
      await database.query(
        `INSERT INTO ${database.schema}.countersign_replay (key, expires_at, sweep_hour)
         SELECT sha256(index::text::bytea), now() - interval '2 hours', 1 FROM generate_series(1, 2500) AS index`,
      );
      expect(await storeOn(database.pool).sweep()).toBe(2500);
    });

    test('goes though many others have outlived their hour', async () => {
      await database.clear();
      const insert = `INSERT INTO ${database.schema}.countersign_replay (key, expires_at, sweep_hour)
        SELECT sha256(($1 || index)::bytea), now() + $2::interval, 1 FROM generate_series(1, $3) AS index`;
      await database.query(insert, ['live', '1 hour', 1500]);
      await database.query(insert, ['dead', '-1 hour', 10]);
      expect(await storeOn(database.pool).sweep()).toBe(10);
      expect(await count()).toBe(1500);
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
      await database.query('CREATE ROLE careful LOGIN');
      const { schema } = database;
      await database.query(`GRANT USAGE ON SCHEMA ${schema} TO careful`);
      await database.query(`GRANT SELECT, INSERT, UPDATE ON ${schema}.countersign_replay TO careful`);
      const clock = manualClock();
      const pool = poolFor({ user: 'careful' });
      const store = postgresReplayStore({ pool, schema, clock, timeoutMs: 60_000, sweepSeconds: 1 });
      expect(store.health()).toEqual({ name: 'postgres', warnings: [] });
      await clock.advance(1000);
      expect(await store.claim('careful', HELD)).toMatchObject({ state: 'claimed' });
      await vi.waitFor(() => {
        expect(store.health().warnings).toEqual([
          expect.stringContaining('Expired replay records are not removed'),
        ]);
      }, 30_000);
      await database.query(`GRANT DELETE ON ${schema}.countersign_replay TO careful`);
      await store.sweep();
      expect(store.health().warnings).toEqual([]);
    });
  });

  test('a duplicate writes nothing, so that a replayed delivery keeps no other one waiting', async () => {
    const store = storeOn(database.pool);
    const claim = await store.claim('replayed', HELD);
    if (claim.state !== 'claimed') throw new Error(claim.state);
    const nextTransaction = async () => {
      const [row] = await database.query<{ next: string }>(
        'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next',
      );
      return Number(row?.next);
    };
    const before = await nextTransaction();
    const replay = async () => (await store.claim('replayed', HELD)).state;
    for (let count = 0; count < 100; count++) expect(await replay()).toBe('in-progress');
    await store.commit('replayed', claim.token, KEPT);
    for (let count = 0; count < 100; count++) expect(await replay()).toBe('committed');
    // The commit, and whatever the server does for itself.
    expect((await nextTransaction()) - before).toBeLessThan(20);
  });

  test('health() warns of a pool that would end the process when the database restarts', async () => {
    const pool = new pg.Pool({ connectionString: server.url });
    const store = postgresReplayStore({ pool });
    expect(store.health().warnings).toEqual([expect.stringContaining('pool.on("error"')]);
    pool.on('error', () => undefined);
    expect(store.health().warnings).toEqual([]);
    await pool.end();
  });

  test('a verifier answers 503 while the table is missing, and works from when it is there', async () => {
    const schema = `${database.schema}_late`;
    const verifier = createVerifier({
      scheme: standardWebhooks(),
      secrets: SECRET,
      replay: postgresReplayStore({ pool: database.pool, schema, timeoutMs: 60_000 }),
      observe: () => undefined,
    });
    onTestFinished(() => verifier.close());
    const request = sign(standardWebhooks(), { secret: SECRET, body: '{}' });
    const answer = await verifier.handle(request, () => undefined);
    expect(answer.status).toBe(503);
    expect(answer.headers).toHaveProperty('retry-after');
    await migrate(database.pool, { schema });
    expect((await verifier.handle(request, () => undefined)).status).toBe(204);
    await vi.waitFor(async () => {
      expect((await verifier.handle(request, () => undefined)).status).toBe(200);
    }, 30_000);
  });
});
