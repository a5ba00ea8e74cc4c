import type { ReplayStore } from '@countersign/core';
import { postgresReplayStore } from '@countersign/postgres';
import { type ReplayStoreTarget, replayStoreCases } from '@countersign/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import { type Database, openDatabase } from '../../../test/support/servers/postgres-database.ts';

const describeWithPostgres = await describeWith('postgres');

describeWithPostgres('the PostgreSQL replay store', () => {
  let database: Database;
  beforeAll(async () => {
    database = await openDatabase({ max: 20 });
  });
  afterAll(() => database.close());

  /** It contains no other keys. */
  async function emptied(store: ReplayStore): Promise<ReplayStoreTarget> {
    await database.clear();
    return { store };
  }

  describe('through a Pool of pg, on the time of the server', () => {
    for (const { name, run } of replayStoreCases(() => emptied(database.store()))) test(name, run);
  });

  describe('through a Pool of pg, with time moved by hand', () => {
    const make = async () => ({
      ...(await emptied(database.store())),
      advance: (ms: number) => database.advance(ms),
    });
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });

  describe('with prepared statements', () => {
    for (const { name, run } of replayStoreCases(() => emptied(database.store({ prepare: true }))))
      test(name, run);

    test.each([
      ['by default', {}, [{ runs: '2' }]],
      ['if "prepare" says so', { prepare: true }, [{ runs: '2' }]],
      ['not if it says no', { prepare: false }, [{ runs: null }]],
    ])('which the server has: %s', async (_, options, expected) => {
      await database.clear();
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      onTestFinished(() => client.end());
      const store = database.store({ pool: client, ...options });
      for (const key of ['one', 'two']) await store.claim(key, { leaseMs: 30_000, fenceTtlMs: 60_000 });
      const { rows } = await client.query(
        "SELECT sum(generic_plans + custom_plans)::text AS runs FROM pg_prepared_statements WHERE name LIKE 'countersign_%'",
      );
      expect(rows).toEqual(expected);
    });
  });

  describe('through a single Client of pg', () => {
    let client: pg.Client;
    beforeAll(async () => {
      client = new pg.Client({ connectionString: database.url });
      await client.connect();
    });
    afterAll(() => client.end());
    for (const { name, run } of replayStoreCases(() => emptied(database.store({ pool: client })))) {
      test(name, run);
    }
  });

  describe.each(['repeatable read', 'serializable'])('if transactions are %s by default', (level) => {
    let pool: pg.Pool;
    beforeAll(() => {
      const options = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`;
      pool = new pg.Pool({ connectionString: database.url, options, max: 20 });
    });
    afterAll(() => pool.end());
    for (const { name, run } of replayStoreCases(() => emptied(database.store({ pool })))) {
      test(name, run);
    }
    test('which the server confirms', async () => {
      const { rows } = await pool.query('SHOW transaction_isolation');
      expect(rows).toEqual([{ transaction_isolation: level }]);
    });
  });

  describe('through anything with query(text, values)', () => {
    const make = async () => {
      const { pool, schema } = database;
      const client = { query: async (text: string, values?: unknown[]) => pool.query(text, values) };
      return emptied(postgresReplayStore({ pool: client, schema, timeoutMs: 60_000 }));
    };
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });
});
