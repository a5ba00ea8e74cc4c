import type { RedisClient } from '@countersign/redis';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { ReceiverSetup } from './setup.ts';

const HOST = '127.0.0.1';
const AGAIN_MS = 100;
const CONNECT_MS = 1000;

/** A client of one of the two libraries. It reconnects by itself, also if the server is down at first. */
export async function openRedis({ port, client: library }: ReceiverSetup['redis']): Promise<RedisClient> {
  if (library === 'ioredis') {
    const client = new Redis({
      host: HOST,
      port,
      lazyConnect: true,
      enableOfflineQueue: false,
      connectTimeout: CONNECT_MS,
      retryStrategy: () => AGAIN_MS,
    });
    client.on('error', () => undefined);
    await client.connect().catch(() => undefined);
    return client;
  }
  const client = createClient({
    disableOfflineQueue: true,
    socket: { host: HOST, port, connectTimeout: CONNECT_MS, reconnectStrategy: () => AGAIN_MS },
  });
  client.on('error', () => undefined);
  const connected = client.connect().catch(() => undefined);
  await Promise.race([connected, new Promise((resolve) => setTimeout(resolve, CONNECT_MS))]);
  return client as RedisClient;
}
