import { migrate, sqliteReplayStore } from '@countersign/sqlite';
import { manualClock } from '@countersign/testing';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReplayHistory } from '../../../test/support/replay/history.ts';
import { type Commands, commands, Model } from '../../../test/support/replay/store-model.ts';
import {
  checkEnd,
  deliverAll,
  deliveries,
  inModelTime,
  KEEP_MS,
  LEASE_MS,
  pauses,
} from '../../../test/support/replay/traffic.ts';
import { testDirectory } from './support/database.ts';

test('the SQLite replay store returns the same results as a plain model', async () => {
  const database = new Database(':memory:');
  migrate(database);
  const rows = database.prepare('SELECT count(*) AS count FROM countersign_replay');
  async function agrees(steps: Commands): Promise<void> {
    database.exec('DELETE FROM countersign_replay');
    const clock = manualClock();
    const store = sqliteReplayStore({ database, clock, sweepSeconds: false });
    const count = async () => (rows.get() as { count: number }).count;
    const real = inModelTime(store, count, async (ms) => {
      await clock.advance(ms);
      await store.sweep();
    });
    await fc.asyncModelRun(() => ({ model: new Model(1_000_000), real }), steps);
  }
  await fc.assert(fc.asyncProperty(commands(3), agrees), { numRuns: 100 });
  database.close();
});

test('in any order that a scheduler gives to the calls of two connections, they act as if calls came one by one', async () => {
  const directory = testDirectory();
  const clock = manualClock();
  const stores = [0, 1].map(() => sqliteReplayStore({ path: directory.path, clock, sweepSeconds: false }));
  const eraser = new Database(directory.path);
  for (const store of stores) await store.forget('open');
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), deliveries, pauses, async (scheduler, sent, waits) => {
      eraser.exec('DELETE FROM countersign_replay');
      let turn = 0;
      const scheduled = (name: 'claim' | 'renew' | 'commit' | 'release') =>
        scheduler.scheduleFunction((...args: unknown[]) => {
          const store = stores[turn++ % 2];
          return Reflect.apply(store?.[name] as never, store, args) as Promise<never>;
        });
      const store = {
        claim: scheduled('claim'),
        renew: scheduled('renew'),
        commit: scheduled('commit'),
        release: scheduled('release'),
      };
      const advance = scheduler.scheduleFunction((ms: number) => clock.advance(ms));
      const history = new ReplayHistory(store as never, LEASE_MS, KEEP_MS);
      await scheduler.waitFor(deliverAll(history, sent, waits, advance));
      await scheduler.waitFor(checkEnd(history, advance));
    }),
    { numRuns: 150 },
  );
  for (const store of stores) await store.close();
  eraser.close();
  directory.remove();
});

test('a sweep of many batches lets the process do other things between them', async () => {
  const database = new Database(':memory:');
  migrate(database);
  const clock = manualClock();
  const store = sqliteReplayStore({ database, clock, sweepSeconds: false });
  for (let index = 0; index < 1000; index++) {
    await store.claim(`key ${index}`, { leaseMs: 1, fenceTtlMs: 1 });
  }
  await clock.advance(2 * 3_600_000);
  let turns = 0;
  let isSweeping = true;
  const count = () => {
    turns++;
    if (isSweeping) setImmediate(count);
  };
  setImmediate(count);
  expect(await store.sweep()).toBe(1000);
  isSweeping = false;
  expect(turns).toBeGreaterThanOrEqual(9);
  database.close();
});

test('sweeping removes no record that is still needed', async () => {
  const database = new Database(':memory:');
  migrate(database);
  const clock = manualClock();
  const store = sqliteReplayStore({ database, clock, sweepSeconds: false });
  for (let index = 0; index < 300; index++) {
    await store.claim(`key ${index}`, { leaseMs: 1, fenceTtlMs: index % 3 === 0 ? KEEP_MS : 1 });
  }
  await clock.advance(2 * 3_600_000);
  expect(await store.sweep()).toBe(200);
  for (let index = 0; index < 300; index++) {
    expect(await store.claim(`key ${index}`, { leaseMs: 1, fenceTtlMs: 1 })).toMatchObject({
      token: { fencingToken: index % 3 === 0 ? 2 : 1 },
    });
  }
  database.close();
});
