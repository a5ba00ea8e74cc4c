import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DynamoDB } from '@aws-sdk/client-dynamodb';
import { createVerifier, WebhookError, type WebhookEvent } from '@countersign/core';
import { observedRun, systemClock } from '@countersign/core/extend';
import { migrate as createTable, dynamodbReplayStore } from '@countersign/dynamodb';
import { standardWebhooks } from '@countersign/schemes';
import { migrate as migrateSqlite, sqliteReplayStore } from '@countersign/sqlite';
import { sign } from '@countersign/testing';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { observedRunCases, type RunTarget } from '../../support/replay/observed-run-cases.ts';
import { describeWith } from '../../support/servers/available.ts';
import { dynamodbClient, dynamodbFront, startDynamodb } from '../../support/servers/dynamodb-server.ts';
import type { LocalServer } from '../../support/servers/local-server.ts';
import { type MysqlDatabase, openMysqlDatabase } from '../../support/servers/mysql-database.ts';
import { openDatabase, type Database as PostgresDatabase } from '../../support/servers/postgres-database.ts';

// The observers of a verifier learn the same of a store's transactional mode, whichever store it is.

const describeWithPostgres = await describeWith('postgres');
const describeWithMysql = await describeWith('mysql');

function testCases(target: () => RunTarget): void {
  for (const { name, run } of observedRunCases(target)) test(name, run);
}

describeWithPostgres('run() on PostgreSQL', () => {
  let database: PostgresDatabase;
  beforeAll(async () => {
    database = await openDatabase({ max: 4 });
  });
  afterAll(() => database?.close());
  testCases(() => {
    const [store, broken] = [database.store(), database.store({ table: 'no_such_table' })];
    return {
      store,
      run: (webhook, handler) => store.run(webhook, handler),
      runWithoutTable: (webhook, handler) => broken.run(webhook, handler),
    };
  });

  test('on a client of the caller, too', async () => {
    const events: string[] = [];
    const verifier = verifierWith((event) => events.push(event.type));
    const webhook = await verifier.verify(delivery());
    const client = await database.pool.connect();
    await database.store().run(client, webhook, () => undefined);
    client.release();
    expect(events.slice(-2)).toEqual(['claimed', 'committed']);
    await verifier.close();
  });
});

describeWithMysql('run() on MariaDB or MySQL', () => {
  let database: MysqlDatabase;
  beforeAll(async () => {
    database = await openMysqlDatabase({ connectionLimit: 4 });
  });
  afterAll(() => database?.close());
  testCases(() => {
    const [store, broken] = [database.store(), database.store({ table: 'no_such_table' })];
    return {
      store,
      run: (webhook, handler) => store.run(webhook, handler),
      runWithoutTable: (webhook, handler) => broken.run(webhook, handler),
    };
  });
});

describe('run() on SQLite', () => {
  let directory: string;
  let database: Database.Database;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'countersign-observed-'));
    database = new Database(join(directory, 'replay.db'));
    migrateSqlite(database);
  });
  afterAll(() => {
    database.close();
    rmSync(directory, { recursive: true });
  });
  testCases(() => {
    const store = sqliteReplayStore({ database });
    const broken = sqliteReplayStore({ database, table: 'no_such_table' });
    return {
      store,
      run: (webhook, handler) => store.run(webhook, handler),
      runWithoutTable: (webhook, handler) => broken.run(webhook, handler),
    };
  });
});

describe('run() on DynamoDB', () => {
  let server: LocalServer;
  let front: Awaited<ReturnType<typeof dynamodbFront>>;
  let client: DynamoDB;
  beforeAll(async () => {
    server = await startDynamodb();
    front = await dynamodbFront(server.url);
    client = dynamodbClient(front.url);
    await createTable(client, { table: 'webhooks' });
  });
  afterAll(async () => {
    client.destroy();
    await front.close();
    await server.stop();
  });
  testCases(() => {
    const store = dynamodbReplayStore({ client, table: 'webhooks', timeoutMs: 60_000 });
    const broken = dynamodbReplayStore({ client, table: 'no_such_table', timeoutMs: 60_000 });
    return {
      store,
      run: (webhook, handler) => store.run(webhook, handler),
      runWithoutTable: (webhook, handler) => broken.run(webhook, handler),
    };
  });
});

test('a handler that rejects later failed, and the store did not', async () => {
  const events: WebhookEvent[] = [];
  const verifier = verifierWith((event) => events.push(event));
  const webhook = await verifier.verify(delivery());
  const error = new Error('out of stock');
  const handler = async (): Promise<never> => {
    await new Promise((resolve) => setImmediate(resolve));
    throw error;
  };
  const run = observedRun({ webhook, clock: systemClock, handler }, async (observed) => ({
    state: 'done',
    result: await observed(undefined),
  }));
  await expect(run).rejects.toBe(error);
  await verifier.close();
  expect(events.slice(2)).toMatchObject([
    { type: 'claimed' },
    { type: 'handler-failed', error },
    { type: 'released' },
  ]);
});

describe('a run whose handler succeeded', () => {
  /** A run of a store that fails after its handler. */
  async function failWith(error: Error) {
    const events: WebhookEvent[] = [];
    const verifier = verifierWith((event) => events.push(event));
    const webhook = await verifier.verify(delivery());
    const run = observedRun({ webhook, clock: systemClock, handler: () => 'sold' }, async (handler) => {
      handler(undefined);
      throw error;
    });
    await expect(run).rejects.toThrow(error.message);
    await verifier.close();
    return events.slice(2).map((event) => [event.type, 'error' in event ? event.error : undefined]);
  }

  test('and whose commit failed: commit-failed, and the retry runs', async () => {
    const error = new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', 'No response.', { retryAfterSeconds: 5 });
    expect(await failWith(error)).toEqual([
      ['claimed', undefined],
      ['store-failed', error],
      ['commit-failed', error],
      ['released', undefined],
    ]);
  });

  test('and whose claim another run took over: claim-lost', async () => {
    const error = new WebhookError('ERR_WEBHOOK_IN_PROGRESS', 'Another run holds it.', {
      retryAfterSeconds: 1,
    });
    expect(await failWith(error)).toEqual([
      ['claimed', undefined],
      ['claim-lost', undefined],
    ]);
  });

  test('but that ended the transaction: handler-failed', async () => {
    const error = new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', 'The handler ended the transaction.');
    expect(await failWith(error)).toEqual([
      ['claimed', undefined],
      ['handler-failed', error],
      ['released', undefined],
    ]);
  });
});

const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

function verifierWith(observe: (event: WebhookEvent) => unknown) {
  return createVerifier({ scheme: standardWebhooks(), secrets: secret, replay: false, observe });
}

function delivery() {
  return sign(standardWebhooks(), { secret, id: `msg_${crypto.randomUUID()}`, body: '{}' });
}
