import { randomUUID } from 'node:crypto';
import { redisReplayStore } from '@countersign/redis';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, test } from 'vitest';
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
import { acquireRedis } from '../../../test/support/servers/redis-server.ts';

const describeWithRedis = await describeWith('redis');

// The server's clock can't be moved, so everything is made to expire earlier, at once.
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
    await server?.stop();
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
    return inModelTime(store, async () => (await client.keys(`${prefix}*`)).length, advance);
  }

  test('returns the same results as a plain model', async () => {
    async function agrees(steps: Commands): Promise<void> {
      await fc.asyncModelRun(() => ({ model: new Model(1_000_000), real: slowed() }), steps);
    }
    await fc.assert(fc.asyncProperty(commands(3), agrees), { numRuns: 100 });
  });

  test('in any order that a scheduler gives to its commands, it acts as if calls came one by one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), deliveries, pauses, async (scheduler, sent, waits) => {
        const space = newSpace();
        const sendCommand = scheduler.scheduleFunction(([command = '', ...args]: readonly string[]) =>
          client.call(command, ...args),
        );
        const store = redisReplayStore({ sendCommand, prefix: space.prefix });
        const advance = scheduler.scheduleFunction(space.advance);
        const history = new ReplayHistory(store, LEASE_MS, KEEP_MS);
        await scheduler.waitFor(deliverAll(history, sent, waits, advance));
        await scheduler.waitFor(checkEnd(history, advance));
      }),
      { numRuns: 200 },
    );
  });
});
