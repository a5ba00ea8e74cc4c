import { createVerifier, type ReplayStore } from '@countersign/core';
import { standardWebhooks } from '@countersign/schemes';
import { replayStoreCases, sign } from '@countersign/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import { type Database, databaseOn } from '../../../test/support/servers/postgres-database.ts';
import { startPostgres } from '../../../test/support/servers/postgres-server.ts';

const describeWithPostgres = await describeWith('postgres');
const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const TIMES = { leaseMs: 30_000, fenceTtlMs: 60_000 };

describeWithPostgres('the durability of the PostgreSQL replay store', () => {
  // Its own server: what others write would be flushed together with these records.
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let database: Database;

  beforeAll(async () => {
    server = await startPostgres({ settings: { wal_writer_delay: '10s', autovacuum: 'off' } });
    database = await databaseOn(server.url, { max: 20 });
  });
  beforeEach(() => database.clear());
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });

  for (const { name, run } of replayStoreCases(async () => {
    await database.clear();
    return { store: database.store({ durability: 'relaxed' }) };
  }))
    test(`relaxed: ${name}`, run);

  /** Of claims and commits, how many returned before the server had written them out. */
  async function unwritten(store: ReplayStore): Promise<{ claims: number; commits: number }> {
    const found = { claims: 0, commits: 0 };
    const isBehind = async () => {
      const [row] = await database.query<{ behind: boolean }>(
        'SELECT pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() AS behind',
      );
      return row?.behind === true ? 1 : 0;
    };
    for (let index = 0; index < 20; index++) {
      const key = `key ${index}`;
      const claim = await store.claim(key, TIMES);
      found.claims += await isBehind();
      if (claim.state !== 'claimed') throw new Error(`The key "${key}" was taken.`);
      await store.commit(key, claim.token, { ttlMs: 60_000, replayWindowMs: 60_000 });
      found.commits += await isBehind();
    }
    return found;
  }

  test('full, by default: a claim and a commit return when they are written out', async () => {
    expect(await unwritten(database.store())).toEqual({ claims: 0, commits: 0 });
  });

  test('relaxed: only a commit returns before, so that no claim is lost under a run', async () => {
    const { claims, commits } = await unwritten(database.store({ durability: 'relaxed' }));
    expect(claims).toBe(0);
    // The server writes out a page when it is full, too.
    expect(commits).toBeGreaterThan(10);
  });

  test('relaxed: a transaction of the handler is as durable as before', async () => {
    const verifier = createVerifier({ scheme: standardWebhooks(), secrets: SECRET, replay: false });
    const webhook = await verifier.verify(sign(standardWebhooks(), { secret: SECRET, body: '{}' }));
    const done = await database
      .store({ durability: 'relaxed' })
      .run(webhook, (client) => client.query("SELECT current_setting('synchronous_commit') AS value", []));
    expect(done).toMatchObject({ state: 'done', result: { rows: [{ value: 'on' }] } });
    await verifier.close();
  });

  test.each(['none', 1, null])('refuses another durability: %s', (durability) => {
    expect(() => database.store({ durability: durability as 'full' })).toThrow(
      '"durability" must be "full" or "relaxed".',
    );
  });
});
