// Takes a lock in Redis or PostgreSQL, says so, and holds it until the process is killed. Started by shared-lock.test.ts.
import { writeSync } from 'node:fs';
import { postgresLock, redisLock } from '@countersign/rotation';
import { Redis } from 'ioredis';
import pg from 'pg';

const [kind, url = '', name = ''] = process.argv.slice(2);
const source =
  kind === 'redis'
    ? redisLock({ client: new Redis(url), key: name, leaseSeconds: 1 })
    : postgresLock({ pool: new pg.Pool({ connectionString: url, application_name: 'holder' }), name });
const lock = await source();
writeSync(1, 'heldBy' in lock ? `held by ${lock.heldBy}\n` : 'taken\n');
setInterval(() => undefined, 1000);
