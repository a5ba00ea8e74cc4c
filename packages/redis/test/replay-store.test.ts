import { randomUUID } from 'node:crypto';
import { type RedisClient, redisReplayStore } from '@countersign/redis';
import { replayStoreCases } from '@countersign/testing';
import { Cluster, Redis } from 'ioredis';
import { createCluster, createSentinel } from 'redis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import { startRedisCluster, startSentinel } from '../../../test/support/servers/redis-groups.ts';
import { acquireRedis, startRedis } from '../../../test/support/servers/redis-server.ts';
import { clients, type OpenedClient } from './support/clients.ts';

const describeWithRedis = await describeWith('redis');
const describeWithOwnRedis = await describeWith('redis-server');
const HOUR_MS = 3_600_000;

describeWithRedis('the Redis replay store', () => {
  let server: Awaited<ReturnType<typeof acquireRedis>>;
  beforeAll(async () => {
    server = await acquireRedis();
  });
  afterAll(() => server.stop());

  describe.each(Object.keys(clients))('through %s', (name) => {
    let opened: OpenedClient | undefined;
    beforeAll(async () => {
      opened = await clients[name]?.(server.url);
    });
    afterAll(() => opened?.close());

    const make = async () => ({
      store: redisReplayStore({ ...opened?.options, prefix: `test:${randomUUID()}:` }),
    });
    for (const each of replayStoreCases(make)) test(each.name, each.run);
  });
});

describeWithOwnRedis('what the Redis replay store leaves on the server', () => {
  async function start() {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    return { server, client };
  }

  test('one key for each delivery, that expires by itself in every state', async () => {
    const { client } = await start();
    const store = redisReplayStore({ client });
    const claimed = await store.claim('a', { leaseMs: 1000, fenceTtlMs: 60_000 });
    expect(await client.keys('*')).toEqual(['countersign:a']);
    expect(await client.pttl('countersign:a')).toBeGreaterThan(60_000);
    if (claimed.state !== 'claimed') expect.fail('The claim should win.');
    await store.release('a', claimed.token);
    expect(await client.pttl('countersign:a')).toBeLessThanOrEqual(60_000);
    const again = await store.claim('a', { leaseMs: 1000, fenceTtlMs: 60_000 });
    if (again.state !== 'claimed') expect.fail('The second claim should win.');
    await store.commit('a', again.token, { ttlMs: HOUR_MS, replayWindowMs: HOUR_MS });
    const left = await client.pttl('countersign:a');
    expect(left).toBeGreaterThan(HOUR_MS - 60_000);
    expect(left).toBeLessThanOrEqual(HOUR_MS);
    expect(await client.keys('*')).toEqual(['countersign:a']);
  });

  test('no claim is lost when the server forgets its scripts', async () => {
    const { client } = await start();
    const store = redisReplayStore({ client });
    const first = await store.claim('a', { leaseMs: 60_000, fenceTtlMs: 60_000 });
    await client.script('FLUSH');
    if (first.state !== 'claimed') expect.fail('The claim should win.');
    expect(await store.commit('a', first.token, { ttlMs: 60_000, replayWindowMs: 60_000 })).toBe(true);
    await client.script('FLUSH');
    expect(await store.claim('a', { leaseMs: 1, fenceTtlMs: 1 })).toEqual({ state: 'committed' });
  });

  test('after a flush, the token of before changes nothing', async () => {
    const { client } = await start();
    const store = redisReplayStore({ client });
    const before = await store.claim('a', { leaseMs: 60_000, fenceTtlMs: 60_000 });
    await client.flushall();
    const after = await store.claim('a', { leaseMs: 60_000, fenceTtlMs: 60_000 });
    if (before.state !== 'claimed' || after.state !== 'claimed') expect.fail('Both claims should win.');
    expect(after.token.fencingToken).toBe(before.token.fencingToken);
    expect(await store.renew('a', before.token, 1000)).toBe(false);
    expect(await store.release('a', before.token)).toBe(false);
    expect(await store.commit('a', before.token, { ttlMs: 1000, replayWindowMs: 1000 })).toBe(false);
    expect(await store.commit('a', after.token, { ttlMs: 60_000, replayWindowMs: 60_000 })).toBe(true);
  });

  test('a released claim has no owner that a token could name', async () => {
    const { client } = await start();
    const store = redisReplayStore({ client });
    const claimed = await store.claim('a', { leaseMs: 60_000, fenceTtlMs: 60_000 });
    if (claimed.state !== 'claimed') expect.fail('The claim should win.');
    const { fencingToken } = claimed.token;
    await store.release('a', claimed.token);
    for (const owner of ['', '|', '|60000']) {
      expect(await store.renew('a', { fencingToken, owner }, 1000)).toBe(false);
      expect(await store.commit('a', { fencingToken, owner }, { ttlMs: 1000, replayWindowMs: 1000 })).toBe(
        false,
      );
      expect(await store.release('a', { fencingToken, owner })).toBe(false);
    }
  });

  test('a claim that the client has sent twice is given twice, under the same fencing token', async () => {
    const { client } = await start();
    const sendTwice = async (args: readonly string[]) => {
      const [command = '', ...rest] = args;
      const first = await client.call(command, ...rest);
      expect(await client.call(command, ...rest)).toEqual(first);
      return first;
    };
    const store = redisReplayStore({ sendCommand: sendTwice });
    expect(await store.claim('a', { leaseMs: 60_000, fenceTtlMs: 60_000 })).toMatchObject({
      state: 'claimed',
      token: { fencingToken: 1 },
    });
  });

  test.each(['ioredis', 'redis', 'iovalkey'])(
    'through %s, a key without a record costs one plain command, and a taken one a script more',
    async (name) => {
      const { server, client } = await start();
      const opened = await clients[name]?.(server.url);
      if (opened === undefined) expect.fail(`There is no client ${name}.`);
      onTestFinished(() => opened.close());
      const store = redisReplayStore(opened.options);
      const calls = async () => {
        const stats = await client.info('commandstats');
        await client.config('RESETSTAT');
        return ['set', 'evalsha', 'eval'].map((each) =>
          Number(new RegExp(`cmdstat_${each}:calls=(\\d+)`).exec(stats)?.[1] ?? 0),
        );
      };
      // The first claim of a process is a script: it shows that the user may run scripts.
      await store.claim('first', { leaseMs: 60_000, fenceTtlMs: 60_000 });
      await calls();
      await store.claim('a', { leaseMs: 60_000, fenceTtlMs: 60_000 });
      expect(await calls()).toEqual([1, 0, 0]);
      expect(await store.claim('a', { leaseMs: 60_000, fenceTtlMs: 60_000 })).toMatchObject({
        state: 'in-progress',
      });
      expect(await calls()).toEqual([1, 1, 0]);
    },
  );

  test('a claim whose reply was lost, and which the client sent again, is given under the same token', async () => {
    const { client } = await start();
    const lossy = {
      async call(command: string, ...args: string[]): Promise<unknown> {
        if (command === 'SET') await client.call(command, ...args);
        return client.call(command, ...args);
      },
      evalsha: () => undefined,
    };
    const store = redisReplayStore({ client: lossy });
    await store.claim('first', { leaseMs: 60_000, fenceTtlMs: 60_000 });
    const claimed = await store.claim('a', { leaseMs: 60_000, fenceTtlMs: 60_000 });
    expect(claimed).toMatchObject({ state: 'claimed', token: { fencingToken: 1 } });
    if (claimed.state !== 'claimed') return;
    const kept = { ttlMs: 60_000, replayWindowMs: 60_000 };
    expect(await redisReplayStore({ client }).commit('a', claimed.token, kept)).toBe(true);
  });

  test('a key that holds something else is not overwritten', async () => {
    const { client } = await start();
    const store = redisReplayStore({ client });
    await client.set('countersign:a', 'mine');
    await client.rpush('countersign:b', 'mine');
    for (const key of ['a', 'b']) {
      await expect(store.claim(key, { leaseMs: 1000, fenceTtlMs: 1000 })).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
        message: expect.stringContaining('a prefix that no other application uses'),
      });
    }
    expect(await client.get('countersign:a')).toBe('mine');
  });
});

describeWithOwnRedis('the Redis replay store with several servers', () => {
  const HELD = { leaseMs: 60_000, fenceTtlMs: 60_000 };

  test('finds the master through Sentinel, with ioredis and with redis', async () => {
    const master = await startRedis();
    onTestFinished(() => master.stop());
    const sentinel = await startSentinel(master);
    onTestFinished(() => sentinel.stop());
    const address = { host: sentinel.host, port: sentinel.port };
    const io = new Redis({ sentinels: [address], name: 'main' });
    onTestFinished(() => io.disconnect());
    const node = createSentinel({ name: 'main', sentinelRootNodes: [address] });
    await node.connect();
    onTestFinished(() => node.destroy());

    const [first, second] = [
      redisReplayStore({ client: io }),
      redisReplayStore({ client: node as RedisClient }),
    ];
    expect(await first.claim('a', HELD)).toMatchObject({ state: 'claimed' });
    expect(await second.claim('a', HELD)).toMatchObject({ state: 'in-progress' });
    expect(await second.claim('b', HELD)).toMatchObject({ state: 'claimed' });
    expect(await first.claim('b', HELD)).toMatchObject({ state: 'in-progress' });
  });

  describe('in a cluster', () => {
    let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
    let io: Cluster;
    let node: ReturnType<typeof createCluster>;
    beforeAll(async () => {
      cluster = await startRedisCluster();
      io = new Cluster(cluster.nodes.map(({ host, port }) => ({ host, port })));
      node = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) });
      await node.connect();
    });
    afterAll(async () => {
      io.disconnect();
      node.destroy();
      await cluster.stop();
    });
    const prefixed = (client: () => RedisClient) => async () => ({
      store: redisReplayStore({ client: client(), prefix: `test:${randomUUID()}:` }),
    });

    describe('through ioredis', () => {
      for (const each of replayStoreCases(prefixed(() => io))) test(each.name, each.run);
    });
    describe('through redis', () => {
      for (const each of replayStoreCases(prefixed(() => node as RedisClient))) test(each.name, each.run);
    });
    test('the keys are spread over all nodes', async () => {
      const store = redisReplayStore({ client: io, prefix: 'spread:' });
      for (let key = 0; key < 60; key++) await store.claim(String(key), HELD);
      for (const { url } of cluster.nodes) {
        const client = new Redis(url);
        expect((await client.keys('spread:*')).length).toBeGreaterThan(0);
        client.disconnect();
      }
    });
  });
});
