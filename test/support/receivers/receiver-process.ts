// A receiver in a process of its own, which tests kill, stop and let go on. Started by receiver.ts.
import { appendFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createVerifier, type ReceivedWebhook, type ReplayStore } from '@countersign/core';
import { dynamodbReplayStore } from '@countersign/dynamodb';
import { webhook } from '@countersign/express';
import { mysqlReplayStore } from '@countersign/mysql';
import { type PostgresReplayStore, postgresReplayStore } from '@countersign/postgres';
import { redisReplayStore } from '@countersign/redis';
import { anchorBrowser } from '@countersign/schemes';
import { sequenceOf } from '@countersign-internal/simulator';
import express from 'express';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { dynamodbClient } from '../servers/dynamodb-server.ts';
import type { JournalEntry, ReceiverOrder, ReceiverSetup } from './setup.ts';

const setup = JSON.parse(process.argv[2] ?? '{}') as ReceiverSetup;
const { secret, leaseSeconds, hold, workMs } = setup;

/** On disk before it returns, as far as a killed process is concerned. */
function note(entry: JournalEntry): void {
  appendFileSync(setup.journal, `${JSON.stringify(entry)}\n`);
}

let letGo = (): void => undefined;
const held = hold
  ? new Promise<void>((resolve) => {
      letGo = resolve;
    })
  : Promise.resolve();
process.on('message', (order: ReceiverOrder) => {
  if (order === 'go') letGo();
});
process.on('disconnect', () => process.exit());

const { store, handle } = await open();
const verifier = createVerifier({
  scheme: anchorBrowser(),
  secrets: secret,
  replay: store,
  leaseSeconds,
  observe: ({ type }) => note({ did: 'observed', type }),
});
const guard = webhook(verifier, setup.store.kind === 'transaction' ? { claim: 'manual' } : {});
const server = express()
  .post('/hooks', guard, async (request, response) => {
    response.sendStatus(await handle(request.webhook));
  })
  .listen(0, '127.0.0.1', () => {
    process.send?.((server.address() as AddressInfo).port);
  });

interface Receiving {
  readonly store: ReplayStore;
  handle(received: ReceivedWebhook): Promise<number>;
}

/** Connected: the first delivery must not come too early. */
async function open(): Promise<Receiving> {
  if (setup.store.kind === 'redis') {
    const options = { lazyConnect: true, enableOfflineQueue: false, retryStrategy: () => 50 };
    const client = new Redis(setup.store.url, options);
    client.on('error', () => undefined);
    await client.connect();
    return { store: redisReplayStore({ client }), handle: handleUnderLease };
  }
  if (setup.store.kind === 'mysql') {
    const connections = mysql.createPool({ uri: setup.store.url, connectTimeout: 2000 });
    await connections.query('SELECT 1');
    return { store: mysqlReplayStore({ pool: connections }), handle: handleUnderLease };
  }
  if (setup.store.kind === 'dynamodb') {
    const { url, table } = setup.store;
    const client = dynamodbClient(url);
    await client.describeTable({ TableName: table });
    return { store: dynamodbReplayStore({ client, table }), handle: handleUnderLease };
  }
  const { kind, url, schema } = setup.store;
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: 2000 });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  await pool.query('SELECT 1');
  const store = postgresReplayStore({ pool, schema });
  return {
    store,
    handle:
      kind === 'postgres'
        ? handleUnderLease
        : (received) => handleInTransaction(pool, store, `${schema}.orders`, received),
  };
}

async function handleUnderLease(received: ReceivedWebhook): Promise<number> {
  await work(received);
  return 204;
}

async function handleInTransaction(
  pool: pg.Pool,
  store: PostgresReplayStore,
  orders: string,
  received: ReceivedWebhook,
): Promise<number> {
  const client = await pool.connect();
  let failed = true;
  try {
    const { state } = await store.run(client, received, async (tx) => {
      await tx.query(`INSERT INTO ${orders} VALUES ($1)`, [sequenceOf(received.body)]);
      await work(received);
    });
    failed = false;
    return state === 'duplicate' ? 200 : 204;
  } catch {
    return 503;
  } finally {
    client.release(failed);
  }
}

async function work({ body, fencingToken, signal }: ReceivedWebhook): Promise<void> {
  const run = { sequence: sequenceOf(body) ?? 0, fencingToken };
  signal.addEventListener('abort', () => note({ did: 'aborted', ...run }));
  note({ did: 'started', ...run });
  await held;
  if (workMs > 0) await sleep(workMs);
  note({ did: 'finished', ...run });
}
