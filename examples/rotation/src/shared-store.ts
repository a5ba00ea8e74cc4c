import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';

/** The store that the receiver processes share. */
export interface SharedStore {
  readonly url: string;
  /** Only this run's keys begin with it. */
  readonly prefix: string;
  /** Removes what the run left. */
  close(): Promise<void>;
}

const DEFAULT_URL = 'redis://127.0.0.1:6379';
const CONNECT_MS = 1000;
const KEYS_AT_ONCE = 1000;

/** The Redis of `REDIS_URL`, or one on this machine; `undefined` if none responds. */
export async function findSharedStore(): Promise<SharedStore | undefined> {
  const url = process.env.REDIS_URL || DEFAULT_URL;
  const client = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    connectTimeout: CONNECT_MS,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
  } catch {
    return undefined;
  } finally {
    client.disconnect();
  }
  const prefix = `countersign-demo:${randomUUID()}:`;
  return { url, prefix, close: () => removeKeys(url, prefix) };
}

async function removeKeys(url: string, prefix: string): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    let cursor = '0';
    do {
      const [next, keys] = await client.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', KEYS_AT_ONCE);
      if (keys.length > 0) await client.unlink(...keys);
      cursor = next;
    } while (cursor !== '0');
  } catch {
    // They expire by themselves.
  } finally {
    client.disconnect();
  }
}
