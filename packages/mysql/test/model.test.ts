import type { ClaimToken } from '@countersign/core/extend';
import type { Queryable } from '@countersign/mysql';
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
import { type MysqlDatabase, openMysqlDatabase } from '../../../test/support/servers/mysql-database.ts';

const describeWithMysql = await describeWith('mysql');

describeWithMysql('the MySQL replay store', () => {
  let database: MysqlDatabase;
  beforeAll(async () => {
    database = await openMysqlDatabase({ connectionLimit: 12 });
  });
  afterAll(() => database.close());

  /** The store in the model's time. It also tells how many rows it holds. */
  async function slowed(): Promise<Real> {
    await database.clear();
    const store = database.store({ sweepSeconds: false });
    const count = async () => {
      const [row] = await database.query<{ count: number }>(
        'SELECT COUNT(*) AS count FROM countersign_replay',
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
        // The scheduler must not see a failure, a deadlock for example: it would count as nobody's.
        const settled = scheduler.scheduleFunction((text: string, values?: unknown[]) =>
          Promise.allSettled([database.pool.query(text, values)]),
        );
        const pool: Queryable = {
          async query(text: string, values?: unknown[]) {
            const [outcome] = await settled(text, values);
            if (outcome.status === 'rejected') throw outcome.reason;
            return outcome.value;
          },
        };
        const store = database.store({ pool, sweepSeconds: false });
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
    const store = database.store({ sweepSeconds: false });
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
