import type { DynamoDB } from '@aws-sdk/client-dynamodb';
import { type DynamodbReplayStoreOptions, dynamodbReplayStore, migrate } from '@countersign/dynamodb';
import { manualClock, type ReplayStoreTarget, replayStoreCases } from '@countersign/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  dynamodbClient,
  dynamodbFront,
  startDynamodb,
} from '../../../test/support/servers/dynamodb-server.ts';
import type { LocalServer } from '../../../test/support/servers/local-server.ts';

const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };
const KEPT = { ttlMs: 600_000, replayWindowMs: 600_000 };

describe('the DynamoDB replay store', () => {
  let server: LocalServer;
  let front: Awaited<ReturnType<typeof dynamodbFront>>;
  const clients: DynamoDB[] = [];
  let tables = 0;

  beforeAll(async () => {
    server = await startDynamodb();
    front = await dynamodbFront(server.url);
  });
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await front.close();
    await server?.stop();
  });

  /** A table that nothing else uses. */
  async function storeOn(url: string, options: Partial<DynamodbReplayStoreOptions> = {}) {
    const client = dynamodbClient(url);
    clients.push(client);
    const table = `table_${++tables}`;
    await migrate(client, { table });
    return dynamodbReplayStore({ client, table, timeoutMs: 60_000, ...options });
  }

  describe('through the client of the AWS SDK, on the time of the machine', () => {
    const make = async (): Promise<ReplayStoreTarget> => ({
      store: await storeOn(front.url, { clockSkewMs: 0 }),
    });
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });

  describe('against a server that sends no item with a refusal', () => {
    const make = async (): Promise<ReplayStoreTarget> => ({
      store: await storeOn(server.url, { clockSkewMs: 0 }),
    });
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });

  describe('with clocks that may differ by a second, and time moved by hand', () => {
    const make = async (): Promise<ReplayStoreTarget> => {
      const clock = manualClock();
      return {
        store: await storeOn(front.url, { clock }),
        advance: (ms) => clock.advance(ms + 1000),
      };
    };
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });

  test('an instance whose clock is fast takes over no active lease', async () => {
    const [clock, fast] = [manualClock(), manualClock()];
    fast.stepWall(900);
    const client = dynamodbClient(front.url);
    clients.push(client);
    await migrate(client, { table: 'skewed' });
    const options = { client, table: 'skewed', timeoutMs: 60_000 };
    const [one, other] = [
      dynamodbReplayStore({ ...options, clock }),
      dynamodbReplayStore({ ...options, clock: fast }),
    ];
    await one.claim('a key', { leaseMs: 10_000, fenceTtlMs: 600_000 });
    for (const each of [clock, fast]) await each.advance(9900);
    expect(await other.claim('a key', HELD)).toMatchObject({ state: 'in-progress' });
    for (const each of [clock, fast]) await each.advance(300);
    expect(await other.claim('a key', HELD)).toMatchObject({ state: 'claimed', token: { fencingToken: 2 } });
  });

  test('an item that DynamoDB removes late counts as gone when its time is over, and the attribute for its removal is never early', async () => {
    const clock = manualClock();
    const client = dynamodbClient(front.url);
    clients.push(client);
    await migrate(client, { table: 'expiring' });
    const store = dynamodbReplayStore({
      client,
      table: 'expiring',
      clock,
      clockSkewMs: 0,
      timeoutMs: 60_000,
    });
    async function expiry(): Promise<{ keptUntil: number; expiresAt: number }> {
      const { Items = [] } = await client.scan({ TableName: 'expiring', ConsistentRead: true });
      return { keptUntil: Number(Items[0]?.keptUntil?.N), expiresAt: Number(Items[0]?.expiresAt?.N) * 1000 };
    }
    const claim = await store.claim('a key', { leaseMs: 1234, fenceTtlMs: 5678 });
    if (claim.state !== 'claimed') throw new Error(claim.state);
    const seen = [await expiry()];
    await clock.advance(7000 - 1234);
    expect(await store.renew('a key', claim.token, 2345)).toBe(true);
    seen.push(await expiry());
    expect(await store.commit('a key', claim.token, { ttlMs: 3456, replayWindowMs: 1 })).toBe(true);
    seen.push(await expiry());
    for (const { keptUntil, expiresAt } of seen) {
      expect(expiresAt).toBeGreaterThanOrEqual(keptUntil);
      expect(expiresAt).toBeLessThan(keptUntil + 3000);
    }
    await clock.advance(3456);
    expect(await store.claim('a key', HELD)).toMatchObject({ state: 'claimed', token: { fencingToken: 1 } });
  });

  test('a call whose response was lost, and which the SDK sends again, is known as its own', async () => {
    const store = await storeOn(front.url);
    const losing: string[] = [];
    front.interfere = async (action, forward) => {
      if (losing[0] !== action) return undefined;
      losing.shift();
      await forward();
      throw new Error('The response is lost.');
    };
    losing.push('PutItem');
    const claim = await store.claim('a key', HELD);
    expect(claim).toMatchObject({ state: 'claimed', token: { fencingToken: 1 } });
    if (claim.state !== 'claimed') return;
    losing.push('UpdateItem');
    expect(await store.release('a key', claim.token)).toBe(true);
    expect(await store.release('a key', claim.token)).toBe(false);
    losing.push('PutItem', 'PutItem');
    const again = await store.claim('a key', HELD);
    expect(again).toMatchObject({ state: 'claimed', token: { fencingToken: 2 } });
    if (again.state !== 'claimed') return;
    losing.push('UpdateItem');
    expect(await store.commit('a key', again.token, KEPT)).toBe(true);
    expect(await store.commit('a key', again.token, KEPT)).toBe(false);
    expect(await store.claim('a key', HELD)).toEqual({ state: 'committed' });
    losing.push('DeleteItem');
    expect(await store.forget('a key')).toBe(true);
    expect(await store.forget('a key')).toBe(false);
    front.interfere = undefined;
    expect(losing).toEqual([]);
  });

  test('a handled delivery that is forgotten runs again; one that is being handled is left alone', async () => {
    const store = await storeOn(front.url);
    expect(await store.forget('a key')).toBe(false);
    const claim = await store.claim('a key', HELD);
    if (claim.state !== 'claimed') throw new Error(claim.state);
    expect(await store.forget('a key')).toBe(false);
    expect((await store.claim('a key', HELD)).state).toBe('in-progress');
    await store.commit('a key', claim.token, KEPT);
    expect(await store.forget('a key')).toBe(true);
    expect((await store.claim('a key', HELD)).state).toBe('claimed');
  });
});
