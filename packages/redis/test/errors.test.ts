import { isWebhookError, type ReplayStore } from '@countersign/core';
import { type RedisClient, type RedisReplayStoreOptions, redisReplayStore } from '@countersign/redis';
import { Cluster, Redis } from 'ioredis';
import { createClient, createCluster, createSentinel } from 'redis';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import { startRedis } from '../../../test/support/servers/redis-server.ts';
import { clients } from './support/clients.ts';

const describeWithRedis = await describeWith('redis-server');
const HELD = { leaseMs: 60_000, fenceTtlMs: 60_000 };

async function start(args: readonly string[] = []) {
  const server = await startRedis({ args });
  onTestFinished(() => server.stop());
  const admin = new Redis(server.url);
  admin.on('error', () => undefined);
  onTestFinished(() => admin.disconnect());
  return { server, admin };
}

async function open(name: string, url: string, options: Partial<RedisReplayStoreOptions> = {}) {
  const opened = await clients[name]?.(url);
  onTestFinished(() => opened?.close());
  return redisReplayStore({ ...opened?.options, ...options });
}

/** Every step fails alike, and says what to change. */
async function expectUnavailable(store: ReplayStore, message: RegExp): Promise<void> {
  const token = { fencingToken: 1, owner: 'AAAAAAAAAAAAAAAAAAAAAA' };
  const steps = [
    () => store.claim('a', HELD),
    () => store.renew('a', token, 1000),
    () => store.commit('a', token, { ttlMs: 1000, replayWindowMs: 1000 }),
    () => store.release('a', token),
  ];
  for (const step of steps) {
    const error = await step().then(
      () => expect.fail('It should have failed.'),
      (reason: unknown) => reason,
    );
    if (!isWebhookError(error)) throw error;
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE', status: 503 });
    expect(error.message).toMatch(message);
  }
}

describeWithRedis.each(['ioredis', 'redis', 'iovalkey'])('what %s throws', (name) => {
  test('a server without memory, which still renews, releases and knows what it has', async () => {
    const { server, admin } = await start(['--maxmemory-policy', 'noeviction']);
    const store = await open(name, server.url);
    const take = async (key: string, options = HELD) => {
      const result = await store.claim(key, options);
      return result.state === 'claimed' ? result.token : expect.fail(`${key} is ${result.state}`);
    };
    const handled = await take('handled');
    await store.commit('handled', handled, { ttlMs: 60_000, replayWindowMs: 60_000 });
    const [held, failed] = [await take('held', { leaseMs: 300, fenceTtlMs: 60_000 }), await take('failed')];

    await admin.config('SET', 'maxmemory', '1');
    const full = {
      code: 'ERR_WEBHOOK_STORE_FULL',
      message: expect.stringMatching(/out of memory.*\(OOM\)$/),
    };
    await expect(store.claim('new', HELD)).rejects.toMatchObject(full);
    expect(await store.claim('handled', HELD)).toEqual({ state: 'committed' });
    expect(await store.renew('held', held, 60_000)).toBe(true);
    expect((await store.claim('held', HELD)).state).toBe('in-progress');
    expect(await store.release('failed', failed)).toBe(true);
    // A released key can't be claimed while there is no memory; but it is not in progress.
    await expect(store.claim('failed', HELD)).rejects.toMatchObject(full);
    // The commit is not recorded, and its caller learns that. But the claim holds for as long, so no other instance runs it
    // again.
    await expect(
      store.commit('held', held, { ttlMs: 600_000, replayWindowMs: 600_000 }),
    ).rejects.toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
    expect(await admin.pttl('countersign:held')).toBeGreaterThan(600_000);
    expect(await store.forget('handled')).toBe(true);

    await admin.config('SET', 'maxmemory', '0');
    expect(await store.commit('held', held, { ttlMs: 60_000, replayWindowMs: 60_000 })).toBe(true);
    expect(await store.claim('held', HELD)).toEqual({ state: 'committed' });
    expect((await take('failed')).fencingToken).toBe(2);
  });

  test('a replica', async () => {
    const { server: master } = await start();
    const { server } = await start(['--replicaof', master.host, String(master.port)]);
    const store = await open(name, server.url);
    await expect(store.claim('a', HELD)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
      message: expect.stringContaining('replica'),
    });
  });

  test('a server that is loading its data', async () => {
    const { server: master, admin: data } = await start();
    for (let key = 0; key < 500; key++) await data.set(`key ${key}`, 'x'.repeat(100));
    // It loads what it gets of its master at 20 keys a second, and listens meanwhile.
    const slowly = ['--key-load-delay', '50000', '--loading-process-events-interval-bytes', '1024'];
    const { server, admin } = await start(slowly);
    const store = await open(name, server.url);
    const held = await store.claim('before', HELD);
    if (held.state !== 'claimed') expect.fail('The claim should win.');
    await admin.replicaof(master.host, master.port);
    // Of a claim, which is a plain write, it would say that it is a replica.
    await expect
      .poll(() => store.renew('before', held.token, 60_000).catch(({ message }: Error) => message), {
        timeout: 60_000,
      })
      .toBe('Redis is loading its data after a start. (LOADING)');
  });

  test('a cluster without its slots', async () => {
    const { server } = await start(['--cluster-enabled', 'yes']);
    await expectUnavailable(await open(name, server.url), /cluster is down/);
  });

  test('a user without permission to run scripts, whose password is never shown', async () => {
    const { server, admin } = await start();
    await admin.call('ACL', 'SETUSER', 'poor', 'on', '>canary-password', '~*', '+@all', '-eval', '-evalsha');
    const url = server.url.replace('redis://', 'redis://poor:canary-password@');
    const store = await open(name, url);
    await expectUnavailable(store, /EVALSHA/);
    const error = await store.claim('a', HELD).catch((reason: unknown) => reason);
    const { inspect } = await import('node:util');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary-password');
  });

  test.each([
    ['SET', '-set'],
    ['PEXPIRE', '-pexpire'],
  ])('a user with permission to run scripts but not %s', async (_, denied) => {
    const { server, admin } = await start();
    await admin.call('ACL', 'SETUSER', 'poor', 'on', '>pw', '~*', '+@all', denied);
    const store = await open(name, server.url.replace('redis://', 'redis://poor:pw@'));
    const token = await open(name, server.url).then((rich) => rich.claim('b', HELD));
    const call =
      denied === '-set'
        ? store.claim('a', HELD)
        : store.renew('b', token.state === 'claimed' ? token.token : expect.fail(), 1000);
    await expect(call).rejects.toMatchObject({
      message: expect.stringMatching(/not allowed.*PEXPIRE.*\(NOPERM\)$/),
    });
  });

  test('a server that is not there', async () => {
    const { server } = await start();
    const store = await open(name, server.url);
    await server.kill();
    await vi.waitFor(
      () =>
        expect(store.claim('a', HELD)).rejects.toMatchObject({
          message: expect.stringMatching(/Nothing accepts connections.*\(ECONNREFUSED\)$/),
        }),
      { timeout: 30_000 },
    );
  });

  test('a server that went down, and the store works when it is back', async () => {
    const { server } = await start();
    const store = await open(name, server.url);
    expect(await store.claim('before', HELD)).toMatchObject({ state: 'claimed' });
    await server.kill();
    await expectUnavailable(store, /can't be reached|connection to Redis was lost|Nothing accepts/);
    await server.restart();
    await vi.waitFor(
      async () => expect(await store.claim('after', HELD)).toMatchObject({ state: 'claimed' }),
      {
        timeout: 60_000,
      },
    );
  });

  test('a client that was closed', async () => {
    const { server } = await start();
    const opened = await clients[name]?.(server.url);
    const store = redisReplayStore({ ...opened?.options });
    await opened?.close();
    await expectUnavailable(store, /can't be reached/);
  });
});

describeWithRedis('a server with all its connections in use', () => {
  test('is named so, although the command failed with nothing but "offline"', async () => {
    const { server, admin } = await start();
    const store = await open('redis', server.url);
    await store.claim('before', HELD);
    await admin.config('SET', 'maxclients', '1');
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await vi.waitFor(
      () =>
        expect(store.claim('a', HELD)).rejects.toMatchObject({
          message: expect.stringContaining('maxclients'),
        }),
      { timeout: 30_000 },
    );
  });
});

describeWithRedis('what the operator is warned of', () => {
  function warnings() {
    const heard: string[] = [];
    const listen = (warning: Error) => heard.push(warning.message);
    process.on('warning', listen);
    onTestFinished(() => {
      process.off('warning', listen);
    });
    return heard;
  }

  test('a policy that may evict, and a client that queues, once for the process', async () => {
    const heard = warnings();
    const { server } = await start(['--maxmemory-policy', 'allkeys-lru']);
    for (let count = 0; count < 2; count++) {
      const client = new Redis(server.url);
      onTestFinished(() => client.disconnect());
      const store = redisReplayStore({ client });
      expect(store.health?.().warnings).toEqual([expect.stringContaining('enableOfflineQueue: false')]);
      await store.claim('a', HELD);
      await vi.waitFor(() => expect(store.health?.().warnings).toHaveLength(2));
      expect(store.health?.().warnings[1]).toContain('allkeys-lru');
    }
    await vi.waitFor(() =>
      expect(heard.filter((message) => message.includes('allkeys-lru'))).toHaveLength(1),
    );
    expect(heard.filter((message) => message.includes('enableOfflineQueue'))).toHaveLength(1);
  });

  test('the queue of the redis package', async () => {
    const { server } = await start();
    const client = createClient({ url: server.url });
    await client.connect();
    onTestFinished(() => client.destroy());
    const store = redisReplayStore({ client: client as never });
    expect(store.health?.().warnings).toEqual([expect.stringContaining('disableOfflineQueue: true')]);
  });

  test.each([true, false])(
    'no queue of a client that has none (off: %s), for every kind',
    (disableOfflineQueue) => {
      const url = 'redis://127.0.0.1:1';
      const sentinelRootNodes = [{ host: '127.0.0.1', port: 1 }];
      const warned = (client: unknown) =>
        redisReplayStore({ client: client as RedisClient }).health?.().warnings.length === 1;
      const offline = { disableOfflineQueue };
      expect(warned(createClient({ url, ...offline }))).toBe(!disableOfflineQueue);
      expect(warned(createCluster({ rootNodes: [{ url }], defaults: offline }))).toBe(!disableOfflineQueue);
      const io = { lazyConnect: true, enableOfflineQueue: !disableOfflineQueue };
      expect(warned(new Redis(io))).toBe(!disableOfflineQueue);
      expect(warned(new Cluster([{ host: '127.0.0.1', port: 1 }], io))).toBe(!disableOfflineQueue);
      // This client doesn't show whether it queues: it can't be blamed for it.
      expect(warned(createSentinel({ name: 'm', sentinelRootNodes, nodeClientOptions: offline }))).toBe(
        false,
      );
    },
  );

  test('nothing, if nothing is wrong or the user has no permission to ask', async () => {
    const { server, admin } = await start();
    await admin.call('ACL', 'SETUSER', 'default', '-info', '-config');
    const asked: string[] = [];
    admin.on('error', () => undefined);
    const client = new Redis(server.url, {
      enableOfflineQueue: false,
      lazyConnect: true,
      enableReadyCheck: false,
    });
    await client.connect();
    onTestFinished(() => client.disconnect());
    const store = redisReplayStore({
      async sendCommand(args) {
        asked.push(args[0] ?? '');
        const [command = '', ...rest] = args;
        return client.call(command, ...rest);
      },
    });
    expect(await store.claim('a', HELD)).toMatchObject({ state: 'claimed' });
    expect(await store.claim('b', HELD)).toMatchObject({ state: 'claimed' });
    expect(asked.filter((command) => command === 'INFO')).toHaveLength(1);
    expect(store.health?.()).toEqual({ name: 'redis', warnings: [] });
  });
});

describe('what redisReplayStore() refuses', () => {
  const sendCommand = async () => undefined;
  test.each([
    ['no client', {}, 'either "client"'],
    ['both', { client: {}, sendCommand }, 'either "client"'],
    ['an invalid client', { client: {} }, 'must be a client of ioredis'],
    ['an address', { client: 'redis://127.0.0.1' }, 'must be a client of ioredis'],
    ['sendCommand that is not a function', { sendCommand: 'GET' }, '"sendCommand" must be a function'],
    ['a prefix with braces', { sendCommand, prefix: '{a}' }, 'braces'],
    ['an empty prefix', { sendCommand, prefix: '' }, '"prefix"'],
    ['a long prefix', { sendCommand, prefix: 'p'.repeat(257) }, '"prefix"'],
    ['a prefix that is not text', { sendCommand, prefix: 1 }, '"prefix"'],
    ['a deadline, which is the business of the verifier', { sendCommand, timeoutMs: 1000 }, 'timeoutMs'],
    ['an unknown option', { sendCommand, prefixx: 'a' }, 'Did you mean "prefix"'],
    ['nothing', undefined, 'an object of options'],
  ])('%s', (_, options, message) => {
    expect(() => redisReplayStore(options as never)).toThrow(
      expect.objectContaining({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
        message: expect.stringContaining(message),
      }),
    );
  });

  test.each([
    ['nothing', undefined],
    ['text', 'QUEUED'],
    ['an empty list', []],
    ['a state that there is none', [3, 1]],
    ['a state without its number', [0]],
    ['a fencing token that is not a number', [0, 'x']],
    ['a fencing token that is not a whole number', [0, 1.5]],
  ])('as a claim, a reply that its script never returns: %s', async (_, answer) => {
    const store = redisReplayStore({ sendCommand: async () => answer });
    await expect(store.claim('a', HELD)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
  });

  test.each([
    ["ERR unknown command 'EVALSHA', with args beginning with: 'x'", /does not have a command/],
    ['ERR max number of clients reached', /maxclients/],
    ['ERR Error running script (call to f_1): @user_script:3: -OOM command not allowed', /out of memory/],
    [
      "ERR Error running script (call to f_1): @user_script:3: @user_script: 3: -READONLY You can't write",
      /replica/,
    ],
    ["NOPERM this user has no permissions to run the 'set' command script: f_1", /not allowed/],
    ['ERR something new', /^Redis refused a command of the replay store\. See "cause"/],
    ['Connection is closed.', /can't be reached/],
  ])('what the server says is named: %s', async (said, message) => {
    const store = redisReplayStore({ sendCommand: () => Promise.reject(new Error(said)) });
    const error = await store.claim('a', HELD).catch((reason: Error) => reason);
    expect(error).toMatchObject({ message: expect.stringMatching(message), cause: { message: said } });
  });

  test.each([undefined, 'QUEUED', 2, [3]])('elsewhere, such a response: %j', async (answer) => {
    await expectUnavailable(redisReplayStore({ sendCommand: async () => answer }), /./);
  });
});
