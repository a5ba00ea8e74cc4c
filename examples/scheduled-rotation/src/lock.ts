import { hostname } from 'node:os';
import { type LockSource, postgresLock, redisLock } from '@countersign/rotation';
import { Redis } from 'ioredis';
import pg from 'pg';

const NAME = 'rotation:polyai';

/**
 * The lock that keeps two runs apart, by its URL: `redis://…`, `postgres://…`, or nothing for the lock beside the journal, which is
 * enough if all runs share that disk.
 */
export async function openLock(
  url: string,
): Promise<{ readonly lock: LockSource | undefined; close(): Promise<void> }> {
  if (url === '') return { lock: undefined, close: async () => undefined };
  if (/^rediss?:/.test(url)) {
    const client = new Redis(url, { maxRetriesPerRequest: 2 });
    client.on('error', (error) => console.error(`Redis: ${error.message}`));
    return {
      lock: redisLock({ client, key: NAME }),
      close: async () => client.disconnect(),
    };
  }
  if (/^postgres(?:ql)?:/.test(url)) {
    const pool = new pg.Pool({
      connectionString: url,
      application_name: `rotation on ${hostname()}`,
      max: 1,
    });
    pool.on('error', (error) => console.error(`PostgreSQL: ${error.message}`));
    return { lock: postgresLock({ pool, name: NAME }), close: () => pool.end() };
  }
  throw new Error('ROTATION_LOCK must be the URL of a Redis or a PostgreSQL.');
}
