import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { redisReplayStore } from '@countersign/redis';
import { replayStoreCases } from '@countersign/testing';
import { Redis as UpstashRedis } from '@upstash/redis';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../../../test/support/servers/available.ts';
import { acquireRedis } from '../../../test/support/servers/redis-server.ts';

const describeWithRedis = await describeWith('redis');

const TOKEN = 'token-never-shown';
const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };

/** Upstash's protocol over REST, in front of a real Redis: a command is a JSON array, its reply `{ result }` or `{ error }`; `/pipeline` takes several. */
async function restFront(redis: Redis): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const reply = (status: number, body: object) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      };
      if (request.headers.authorization !== `Bearer ${TOKEN}`) {
        reply(401, { error: 'Unauthorized' });
        return;
      }
      const isBase64 = request.headers['upstash-encoding'] === 'base64';
      const run = async ([command = '', ...args]: (string | number)[]) => {
        try {
          const result = await redis.call(String(command), ...args.map(String));
          // The SDK asks for text in base64.
          return {
            result:
              isBase64 && typeof result === 'string' && result !== 'OK'
                ? Buffer.from(result).toString('base64')
                : result,
          };
        } catch (error) {
          return { error: error instanceof Error ? error.message : String(error) };
        }
      };
      const body = JSON.parse(Buffer.concat(chunks).toString());
      if (request.url === '/pipeline') {
        reply(200, await Promise.all((body as (string | number)[][]).map(run)));
        return;
      }
      const outcome = await run(body as (string | number)[]);
      reply('error' in outcome ? 400 : 200, outcome);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describeWithRedis('the recipe for Upstash', () => {
  let server: Awaited<ReturnType<typeof acquireRedis>>;
  let redis: Redis;
  let front: Awaited<ReturnType<typeof restFront>>;
  beforeAll(async () => {
    server = await acquireRedis();
    redis = new Redis(server.url);
    front = await restFront(redis);
  });
  afterAll(async () => {
    await front.close();
    redis.disconnect();
    await server?.stop();
  });

  let prefixes = 0;
  function store({ token = TOKEN, enableAutoPipelining = false } = {}) {
    // As in the README.
    const options = { url: front.url, token, enableTelemetry: false, retry: { retries: 0 } } as const;
    const upstash = new UpstashRedis({ ...options, enableAutoPipelining });
    return redisReplayStore({
      prefix: `upstash-${process.pid}-${++prefixes}:`,
      sendCommand: ([command, hash = '', , key = '', ...args]) => {
        if (command === 'EVALSHA') return upstash.evalsha(hash, [key], args);
        if (command === 'EVAL') return upstash.eval(hash, [key], args);
        throw new Error(`Upstash does not answer ${command}.`);
      },
    });
  }

  for (const { name, run } of replayStoreCases(async () => ({ store: store() }))) test(name, run);

  describe('with several commands in a request', () => {
    const make = async () => ({ store: store({ enableAutoPipelining: true }) });
    for (const { name, run } of replayStoreCases(make)) test(name, run);
  });

  test('sends the script again if the server has forgotten it', async () => {
    const replay = store();
    expect((await replay.claim('one', HELD)).state).toBe('claimed');
    await redis.call('SCRIPT', 'FLUSH');
    expect((await replay.claim('two', HELD)).state).toBe('claimed');
  });

  test("a wrong token is an error with the server's message and without a token", async () => {
    const error: unknown = await store({ token: 'wrong-token' })
      .claim('one', HELD)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
    expect(String(error) + String((error as { cause?: unknown }).cause)).not.toContain('wrong-token');
  });

  test('a server that is gone is an error', async () => {
    const gone = await restFront(redis);
    const upstash = new UpstashRedis({ url: gone.url, token: TOKEN, retry: { retries: 0 } });
    await gone.close();
    const replay = redisReplayStore({
      sendCommand: ([, hash = '', , key = '', ...args]) => upstash.evalsha(hash, [key], args),
    });
    await expect(replay.claim('one', HELD)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' });
  });
});
