// A process that handles one delivery and stops itself at a given moment, as a suspended machine or a frozen function does. Started by
// test/promise/paused.test.ts and paused-run.test.ts.
import { writeSync } from 'node:fs';
import { createVerifier, type ReceivedWebhook, type ReplayStore } from '@countersign/core';
import { type PostgresReplayStore, postgresReplayStore } from '@countersign/postgres';
import { type RedisClient, redisReplayStore } from '@countersign/redis';
import { anchorBrowser } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { Redis } from 'ioredis';
import pg from 'pg';
import { createClient } from 'redis';
import type { PausingSetup, StoreClient } from './pausing.ts';

const setup = JSON.parse(process.argv[2] ?? '{}') as PausingSetup;

function report(line: string): void {
  writeSync(1, `${line}\n`);
}

function stop(): void {
  report('stopped');
  process.kill(process.pid, 'SIGSTOP');
}

const open: Record<StoreClient, () => Promise<ReplayStore>> = {
  async ioredis() {
    const client = new Redis(setup.url, { enableOfflineQueue: false, lazyConnect: true });
    await client.connect();
    return redisReplayStore({ client });
  },
  async 'node-redis'() {
    const client = createClient({ url: setup.url, disableOfflineQueue: true });
    client.on('error', () => undefined);
    await client.connect();
    return redisReplayStore({ client: client as RedisClient });
  },
  async pg() {
    const pool = new pg.Pool({
      connectionString: setup.url,
      idle_in_transaction_session_timeout: setup.idleInTransactionMs,
    });
    pool.on('error', () => undefined);
    await pool.query('SELECT 1');
    return postgresReplayStore({ pool, schema: setup.schema });
  },
};

/** Stops as soon as the store's response to the claim is here. */
function stoppingAfterClaim(store: ReplayStore): ReplayStore {
  return {
    async claim(key, options) {
      const result = await store.claim(key, options);
      stop();
      return result;
    },
    renew: (...args) => store.renew(...args),
    commit: (...args) => store.commit(...args),
    release: (...args) => store.release(...args),
    forget: (...args) => store.forget(...args),
  };
}

/** Stops between two statements of a transaction. */
async function runAndStop(store: ReplayStore, webhook: ReceivedWebhook): Promise<void> {
  await (store as PostgresReplayStore).run(webhook, async (transaction) => {
    await transaction.query(`INSERT INTO ${setup.schema}.orders (made_by) VALUES ('paused')`);
    stop();
    report('handled');
  });
}

const store = await open[setup.client]();
const inRun = setup.stopAt === 'in-run';
const verifier = createVerifier({
  scheme: anchorBrowser(),
  secrets: setup.secret,
  replay: setup.stopAt === 'claimed' ? stoppingAfterClaim(store) : store,
  leaseSeconds: setup.leaseSeconds,
  observe: ({ type }) => report(type),
});
const { headers, body } = sign(anchorBrowser(), { secret: setup.secret, body: setup.body });
const settle = setup.stopAt === 'responded' ? 'before-response' : 'after-response';
const handler = (webhook: ReceivedWebhook) => (inRun ? runAndStop(store, webhook) : report('handled'));
const { status } = await verifier.handle({ headers, body }, handler, {
  settle,
  claim: inRun ? 'manual' : 'auto',
});
if (setup.stopAt === 'responded') stop();
report(`status ${status}`);
// It lives on, with its connection, until the test ends it.
