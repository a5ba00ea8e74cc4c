import type { RedisClient } from '@countersign/redis';
import { Redis } from 'ioredis';
import { createClient } from 'redis';

/** A client as a receiver would have it, which finds its server again soon. */
export interface OpenRedis {
  readonly client: RedisClient;
  /** Whether a command whose response was lost is sent again, by the client itself. */
  readonly sendsAgain: boolean;
  close(): void;
}

const AGAIN_MS = 50;

export const REDIS_CLIENTS: readonly {
  readonly name: string;
  open(address: { host: string; port: number }): Promise<OpenRedis>;
}[] = [
  {
    name: 'ioredis',
    async open({ host, port }) {
      const client = new Redis({
        ...{ host, port, lazyConnect: true },
        ...{ enableOfflineQueue: false, retryStrategy: () => AGAIN_MS, connectTimeout: 1000 },
      });
      client.on('error', () => undefined);
      await client.connect();
      return { client, sendsAgain: true, close: () => client.disconnect() };
    },
  },
  {
    name: 'redis',
    async open({ host, port }) {
      const client = createClient({
        disableOfflineQueue: true,
        socket: { host, port, reconnectStrategy: () => AGAIN_MS, connectTimeout: 1000 },
      });
      client.on('error', () => undefined);
      await client.connect();
      return { client, sendsAgain: false, close: () => client.destroy() };
    },
  },
];
