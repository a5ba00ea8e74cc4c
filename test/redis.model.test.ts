import { randomUUID } from 'node:crypto';
import { redisReplayStore } from '@countersign/redis';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ReplayHistory } from './replay-history.ts';
import { type Commands, commands, Model, type Real } from './replay-store-model.ts';
import { describeWith } from './support/servers/available.ts';
import { acquireRedis } from './support/servers/redis-server.ts';

const describeWithRedis = await describeWith('redis');

// The server's clock can't be moved, so everything is made to expire earlier, at once. And it can't be stopped, so the model's
// milliseconds are long ones: what really passes between two calls is less than the smallest difference the model makes.
const UNIT_MS = 1_000_000;
const LET_PASS = `
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local left = redis.call('PTTL', key) - ARGV[2]
  if left <= 0 then
    redis.call('DEL', key)
  else
    redis.call('PEXPIRE', key, string.format('%.0f', left))
  end
end`;

describeWithRedis('the Redis replay store', () => {
  let server: Awaited<ReturnType<typeof acquireRedis>>;
  let client: Redis;
  beforeAll(async () => {
    server = await acquireRedis();
    client = new Redis(server.url);
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  function newSpace() {
    const prefix = `model:${randomUUID()}:`;
    return {
      prefix,
      advance: async (ms: number) => {
        // The server keeps a key through its last millisecond, and the model does not.
        await client.eval(LET_PASS, 0, prefix, ms + 1);
      },
    };
  }

  /** The store in the model's time. It also tells how many keys it holds. */
  function slowed(): Real {
    const { prefix, advance } = newSpace();
    const store = redisReplayStore({ client, prefix });
    let entries = 0;
    async function counted<T>(call: Promise<T>): Promise<T> {
      const result = await call;
      entries = (await client.keys(`${prefix}*`)).length;
      return result;
    }
    return {
      tokens: [],
      advance: async (ms) => counted(advance(ms * UNIT_MS)),
      store: {
        async claim(key, { leaseMs, keepMs }) {
          const options = { leaseMs: leaseMs * UNIT_MS, keepMs: keepMs * UNIT_MS };
          const result = await counted(store.claim(key, options));
          if (result.state !== 'in-progress') return result;
          return { state: 'in-progress', retryAfterMs: Math.ceil(result.retryAfterMs / UNIT_MS) };
        },
        renew: (key, token, leaseMs) => counted(store.renew(key, token, leaseMs * UNIT_MS)),
        commit: (key, token, { ttlMs, guardMs }) =>
          counted(store.commit(key, token, { ttlMs: ttlMs * UNIT_MS, guardMs: guardMs * UNIT_MS })),
        release: (key, token) => counted(store.release(key, token)),
        health: () => ({ name: 'redis', entries, warnings: [] }),
      },
    };
  }

  test('agrees with a plain model on every answer', async () => {
    async function agrees(steps: Commands): Promise<void> {
      await fc.asyncModelRun(() => ({ model: new Model(1_000_000), real: slowed() }), steps);
    }
    await fc.assert(fc.asyncProperty(commands(3), agrees), { numRuns: 100 });
  });

  // A sender that delivers the same few events again and again, at the same time, to handlers that end well, fail, crash, or outlive
  // their lease.
  interface Delivery {
    key: string;
    renewals: number;
    ending: 'commit' | 'release' | 'crash';
  }
  const LEASE_MS = 10 * UNIT_MS;
  const KEEP_MS = 1e6 * UNIT_MS;

  async function deliver(history: ReplayHistory, { key, renewals, ending }: Delivery): Promise<void> {
    const claim = await history.claim(key);
    if (claim.state !== 'claimed') return;
    for (let count = 0; count < renewals; count++) await history.settle('renew', key, claim.token);
    if (ending !== 'crash') await history.settle(ending, key, claim.token);
  }

  const keys = ['a', 'b'];
  const deliveries = fc.array(
    fc.record<Delivery>({
      key: fc.constantFrom(...keys),
      renewals: fc.nat(1),
      ending: fc.constantFrom('commit', 'release', 'crash'),
    }),
    { minLength: 2, maxLength: 7 },
  );
  const pauses = fc.array(fc.constantFrom(1, 4, 10, 25), { maxLength: 4 });

  test('whatever order a scheduler gives to its commands, it acts as if calls came one by one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), deliveries, pauses, async (scheduler, sent, waits) => {
        const space = newSpace();
        const sendCommand = scheduler.scheduleFunction(([command = '', ...args]: readonly string[]) =>
          client.call(command, ...args),
        );
        const store = redisReplayStore({ sendCommand, prefix: space.prefix, timeoutMs: 60_000 });
        const advance = scheduler.scheduleFunction(space.advance);
        const history = new ReplayHistory(store, LEASE_MS, KEEP_MS);
        const letTimePass = async () => {
          for (const ms of waits) await history.pass(ms * UNIT_MS, () => advance(ms * UNIT_MS));
        };
        await scheduler.waitFor(
          Promise.all([...sent.map((delivery) => deliver(history, delivery)), letTimePass()]),
        );
        await scheduler.waitFor(history.pass(LEASE_MS, () => advance(LEASE_MS)));
        for (const key of keys) await scheduler.waitFor(history.claim(key));
        expect(history.contradictions()).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
