import type { RedisClient, SendCommand } from '@countersign/redis';
import { Redis } from 'ioredis';
import { Redis as Valkey } from 'iovalkey';
import { createClient } from 'redis';

/** A client of one library, as the store takes it. */
export interface OpenedClient {
  readonly options: { client: RedisClient } | { sendCommand: SendCommand };
  close(): Promise<void>;
}

/** Every library that the store knows, and a bare function for those that it doesn't. */
export const clients: Readonly<Record<string, (url: string) => Promise<OpenedClient>>> = {
  async ioredis(url) {
    const client = new Redis(url, { enableOfflineQueue: false, lazyConnect: true });
    client.on('error', () => undefined);
    await client.connect();
    return { options: { client }, close: async () => client.disconnect() };
  },
  async redis(url) {
    const client = createClient({ url, disableOfflineQueue: true });
    client.on('error', () => undefined);
    await client.connect();
    return { options: { client: client as RedisClient }, close: async () => client.destroy() };
  },
  async iovalkey(url) {
    const client = new Valkey(url, { enableOfflineQueue: false, lazyConnect: true });
    client.on('error', () => undefined);
    await client.connect();
    return { options: { client }, close: async () => client.disconnect() };
  },
  async sendCommand(url) {
    const client = createClient({ url, disableOfflineQueue: true });
    client.on('error', () => undefined);
    await client.connect();
    return {
      options: { sendCommand: (args) => client.sendCommand(args) },
      close: async () => client.destroy(),
    };
  },
};
