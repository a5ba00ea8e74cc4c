import { migrate, sqliteReplayStore } from '@countersign/sqlite';
import { manualClock, type ReplayStoreTarget, replayStoreCases } from '@countersign/testing';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { testDirectory } from './support/database.ts';

const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };
const KEPT = { ttlMs: 600_000, replayWindowMs: 600_000 };

describe('the SQLite replay store', () => {
  describe('in a file, on the time of the machine', () => {
    const make = async (): Promise<ReplayStoreTarget> => {
      const directory = testDirectory();
      const store = sqliteReplayStore({ path: directory.path, timeoutMs: 60_000 });
      return {
        store,
        async close() {
          await store.close();
          directory.remove();
        },
      };
    };
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });

  describe('in a file, with time moved by hand', () => {
    const make = async (): Promise<ReplayStoreTarget> => {
      const directory = testDirectory();
      const clock = manualClock();
      const store = sqliteReplayStore({ path: directory.path, clock });
      return {
        store,
        advance: (ms) => clock.advance(ms),
        async close() {
          await store.close();
          directory.remove();
        },
      };
    };
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });

  describe.each([
    ['as it is', () => undefined],
    [
      'that returns 64-bit integers',
      (database: Database.Database) => void database.defaultSafeIntegers(true),
    ],
  ] as const)('through a database of better-sqlite3 %s', (_, set) => {
    const make = async (): Promise<ReplayStoreTarget> => {
      const database = new Database(':memory:');
      set(database);
      migrate(database, { table: 'a "table"' });
      return {
        store: sqliteReplayStore({ database, table: 'a "table"' }),
        close: async () => void database.close(),
      };
    };
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });

  describe('through two stores on one file, turn by turn', () => {
    const make = async (): Promise<ReplayStoreTarget> => {
      const directory = testDirectory();
      const stores = [0, 1].map(() => sqliteReplayStore({ path: directory.path, timeoutMs: 60_000 }));
      let turn = 0;
      const next = () => {
        const store = stores[turn++ % 2];
        if (store === undefined) throw new Error('There are two.');
        return store;
      };
      return {
        store: {
          claim: (...args) => next().claim(...args),
          renew: (...args) => next().renew(...args),
          commit: (...args) => next().commit(...args),
          release: (...args) => next().release(...args),
          forget: (...args: [string]) => next().forget(...args),
        } as ReplayStoreTarget['store'],
        async close() {
          for (const store of stores) await store.close();
          directory.remove();
        },
      };
    };
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });

  test('remembers over a restart', async () => {
    const directory = testDirectory();
    const before = sqliteReplayStore({ path: directory.path });
    const handled = await before.claim('handled', HELD);
    const held = await before.claim('held', HELD);
    if (handled.state !== 'claimed' || held.state !== 'claimed') throw new Error('not claimed');
    await before.commit('handled', handled.token, KEPT);
    await before.close();
    const after = sqliteReplayStore({ path: directory.path });
    expect(await after.claim('handled', HELD)).toEqual({ state: 'committed' });
    expect((await after.claim('held', HELD)).state).toBe('in-progress');
    expect(await after.commit('held', held.token, KEPT)).toBe(true);
    await after.close();
    directory.remove();
  });

  test('a handled delivery that is forgotten runs again; one that is being handled is left alone', async () => {
    const database = new Database(':memory:');
    migrate(database);
    const store = sqliteReplayStore({ database });
    expect(await store.forget('a key')).toBe(false);
    const claim = await store.claim('a key', HELD);
    if (claim.state !== 'claimed') throw new Error(claim.state);
    expect(await store.forget('a key')).toBe(false);
    expect((await store.claim('a key', HELD)).state).toBe('in-progress');
    await store.commit('a key', claim.token, KEPT);
    expect(await store.forget('a key')).toBe(true);
    expect((await store.claim('a key', HELD)).state).toBe('claimed');
    database.close();
  });
});
