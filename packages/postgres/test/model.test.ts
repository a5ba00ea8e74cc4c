import type { ReplayStore } from '@countersign/core';
import type { ClaimToken } from '@countersign/core/extend';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ReplayHistory } from '../../../test/support/replay/history.ts';
import { type Commands, commands, Model, type Real } from '../../../test/support/replay/store-model.ts';
import {
  checkEnd,
  deliverAll,
  deliveries,
  inModelTime,
  KEEP_MS,
  LEASE_MS,
  pauses,
} from '../../../test/support/replay/traffic.ts';
import { describeWith } from '../../../test/support/servers/available.ts';
import { type Database, openDatabase } from '../../../test/support/servers/postgres-database.ts';

const describeWithPostgres = await describeWith('postgres');

describeWithPostgres('the PostgreSQL replay store', () => {
  let database: Database;
  beforeAll(async () => {
    database = await openDatabase({ max: 12 });
  });
  afterAll(() => database.close());

  /** The store in the model's time. It also tells how many rows it holds. */
  async function slowed(): Promise<Real> {
    await database.clear();
    const store = database.store({ sweepSeconds: false });
    const count = async () => {
      const [row] = await database.query<{ count: string }>(
        `SELECT count(*) FROM ${database.schema}.countersign_replay`,
      );
      return Number(row?.count);
    };
    return inModelTime(store, count, async (ms) => {
      await database.advance(ms);
      await store.sweep();
    });
  }

  test('returns the same results as a plain model', async () => {
    async function agrees(steps: Commands): Promise<void> {
      const real = await slowed();
      await fc.asyncModelRun(() => ({ model: new Model(1_000_000), real }), steps);
    }
    await fc.assert(fc.asyncProperty(commands(3), agrees), { numRuns: 40 });
  });

  test('in any order that a scheduler gives to its statements, it acts as if calls came one by one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), deliveries, pauses, async (scheduler, sent, waits) => {
        await database.clear();
        const scheduled = {
          query: scheduler.scheduleFunction((text: string, values?: unknown[]) =>
            database.pool.query(text, values),
          ),
        };
        const store = database.store({ pool: scheduled, sweepSeconds: false });
        const advance = scheduler.scheduleFunction((ms: number) => database.advance(ms));
        const history = new ReplayHistory(store, LEASE_MS, KEEP_MS);
        await scheduler.waitFor(deliverAll(history, sent, waits, advance));
        await scheduler.waitFor(checkEnd(history, advance));
      }),
      { numRuns: 150 },
    );
  });

  test('the same with as many connections as calls, in the order of chance', async () => {
    await fc.assert(
      fc.asyncProperty(deliveries, pauses, async (sent, waits) => {
        await database.clear();
        const history = new ReplayHistory(database.store({ sweepSeconds: false }), LEASE_MS, KEEP_MS);
        const advance = (ms: number) => database.advance(ms);
        await deliverAll(history, sent, waits, advance);
        await checkEnd(history, advance);
      }),
      { numRuns: 150 },
    );
  });

  test('sweeping at the same time removes no record that is still needed', async () => {
    const store: ReplayStore & { sweep(): Promise<number> } = database.store({ sweepSeconds: false });
    await database.clear();
    const tokens: [string, ClaimToken][] = [];
    for (let index = 0; index < 200; index++) {
      const key = `key ${index}`;
      const claim = await store.claim(key, { leaseMs: 1, fenceTtlMs: index % 2 === 0 ? 1 : KEEP_MS });
      if (claim.state === 'claimed') tokens.push([key, claim.token]);
    }
    await database.advance(2 * 3_600_000);
    // Half of them may go. While they go, others come back to life.
    const [removed, ...revived] = await Promise.all([
      store.sweep(),
      ...tokens.slice(0, 100).map(([key]) => store.claim(key, { leaseMs: KEEP_MS, fenceTtlMs: KEEP_MS })),
    ]);
    expect(revived.map(({ state }) => state)).toEqual(Array(100).fill('claimed'));
    const gone = removed + (await store.sweep());
    expect(gone).toBeGreaterThanOrEqual(50);
    expect(gone).toBeLessThanOrEqual(100);
    for (const [key] of tokens.slice(0, 100)) {
      expect(await store.claim(key, { leaseMs: 1, fenceTtlMs: 1 })).toMatchObject({ state: 'in-progress' });
    }
    for (const [index, [key]] of tokens.slice(100).entries()) {
      expect(await store.claim(key, { leaseMs: 1, fenceTtlMs: 1 })).toMatchObject({
        token: { fencingToken: index % 2 === 0 ? 1 : 2 },
      });
    }
  });
});
