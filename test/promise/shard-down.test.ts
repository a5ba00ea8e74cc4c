import { setTimeout as sleep } from 'node:timers/promises';
import {
  createVerifier,
  isWebhookError,
  type ReplayStore,
  replayRecord,
  type Verifier,
  type VerifierOptions,
  type WebhookErrorCode,
  type WebhookRequest,
} from '@countersign/core';
import { type RedisClient, redisReplayStore } from '@countersign/redis';
import { anchorBrowser } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bodyOf, newSecret } from '../support/faults/fixture.ts';
import { describeWith } from '../support/servers/available.ts';
import type { LocalServer } from '../support/servers/local-server.ts';
import { startRedisCluster } from '../support/servers/redis-groups.ts';

const describeWithRedis = await describeWith('redis-server');

interface OpenCluster {
  readonly client: RedisClient;
  close(): void;
}

const CLIENTS: readonly { name: string; open(nodes: readonly LocalServer[]): Promise<OpenCluster> }[] = [
  {
    name: 'ioredis',
    async open(nodes) {
      const addresses = nodes.map(({ host, port }) => ({ host, port }));
      const client = new Cluster(addresses, { enableOfflineQueue: false, lazyConnect: true });
      client.on('error', () => undefined);
      await client.connect();
      return { client, close: () => client.disconnect() };
    },
  },
  {
    name: 'redis',
    async open(nodes) {
      const client = createCluster({
        rootNodes: nodes.map(({ url }) => ({ url })),
        defaults: { disableOfflineQueue: true },
      });
      client.on('error', () => undefined);
      await client.connect();
      return { client: client as RedisClient, close: () => client.destroy() };
    },
  },
];

const SENDERS = 10;
const SECONDS = 8;

interface Outcome {
  runs: number;
  /** `done`: ran and was recorded. */
  ends: ('done' | 'duplicate' | 'handshake' | WebhookErrorCode)[];
}

describeWithRedis.each(CLIENTS)(
  'with one of three masters of a Redis Cluster down, through $name',
  ({ open }) => {
    let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
    const opened: OpenCluster[] = [];
    beforeEach(async () => {
      cluster = await startRedisCluster(['--cluster-require-full-coverage', 'no']);
      for (let n = 0; n < 2; n++) opened.push(await open(cluster.nodes));
    });
    afterEach(async () => {
      for (const { close } of opened.splice(0)) close();
      await cluster.stop();
    });

    it.each(['unavailable', 'local'] as const)(
      'the deliveries that the other two keep are served, and run once (%s)',
      async (onStoreError) => {
        const secret = newSecret();
        const stores = opened.map(({ client }) => redisReplayStore({ client }));
        const instances = stores.map((replay) => instance({ secrets: secret, replay, onStoreError }));
        const [victim] = cluster.nodes;
        const isDown = (store: ReplayStore | undefined, key: string) =>
          store?.partitionOf?.(key) === `${victim?.host}:${victim?.port}`;
        const outcomes = { healthy: new Map<string, Outcome>(), down: new Map<string, Outcome>() };
        const until = performance.now() + SECONDS * 1000;
        let sequence = 0;

        /** Each delivery goes to one instance and then to the other, as a retry does. */
        async function send(): Promise<void> {
          while (performance.now() < until) {
            const { headers, body } = sign(anchorBrowser(), { secret, body: bodyOf(++sequence) });
            const [first, second] = sequence % 2 === 0 ? instances : [...instances].reverse();
            const { key } = replayRecord((await first?.verify({ headers, body })) ?? expect.fail());
            const outcome: Outcome = { runs: 0, ends: [] };
            outcomes[isDown(stores[0], key) ? 'down' : 'healthy'].set(key, outcome);
            for (const verifier of [first, second]) {
              outcome.ends.push(await deliver(verifier, { headers, body }, outcome));
            }
            await sleep(20);
          }
        }
        await victim?.kill();
        await Promise.all(Array.from({ length: SENDERS }, send));

        const healthy = [...outcomes.healthy.values()];
        const served = healthy.filter(({ ends }) => ends[0] === 'done' && ends[1] === 'duplicate');
        if (process.env.FIGURES !== undefined) {
          console.log(
            `healthy: ${healthy.length}, of them served ${served.length}, run twice: ${healthy.filter(({ runs }) => runs > 1).length}; ` +
              `on the master that is down: ${outcomes.down.size}`,
          );
        }
        expect(healthy.length).toBeGreaterThan(100);
        expect(served.length / healthy.length).toBeGreaterThanOrEqual(0.99);
        expect(healthy.filter(({ runs }) => runs > 1)).toEqual([]);

        const { circuit, partitionsDown } = instances[0]?.health().replay ?? {};
        expect(circuit).toMatch(/open/);
        expect(partitionsDown).toEqual([`${victim?.host}:${victim?.port}`]);
        const down = [...outcomes.down.values()].flatMap(({ ends }) => ends);
        expect(new Set(down)).toEqual(
          new Set([onStoreError === 'local' ? 'done' : 'ERR_WEBHOOK_STORE_UNAVAILABLE']),
        );
      },
    );
  },
);

/** As `handle()` does, but the next delivery waits for the commit. */
async function deliver(
  verifier: Verifier | undefined,
  request: WebhookRequest,
  outcome: Outcome,
): Promise<Outcome['ends'][number]> {
  try {
    const received = (await verifier?.receive(request)) ?? expect.fail();
    if (received.state !== 'claimed') return received.state;
    outcome.runs++;
    const committed = received.claim.commit();
    // On the master that is down, nothing waits for it.
    await Promise.race([committed.catch(() => undefined), sleep(1000)]);
    return 'done';
  } catch (error) {
    if (isWebhookError(error)) return error.code;
    throw error;
  }
}

function instance(options: Pick<VerifierOptions, 'secrets' | 'replay' | 'onStoreError'>): Verifier {
  return createVerifier({ scheme: anchorBrowser(), observe: () => undefined, ...options } as VerifierOptions);
}
