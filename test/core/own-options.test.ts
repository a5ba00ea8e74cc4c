import { createKeyring, createVerifier, memoryReplayStore, staticSecrets } from '@countersign/core';
import { readAdapterOptions } from '@countersign/core/extend';
import { envSecrets, fileSecrets, readBody } from '@countersign/core/node';
import { durableObjectReplayStore } from '@countersign/durable-object';
import { dynamodbReplayStore } from '@countersign/dynamodb';
import { webhook as expressWebhook } from '@countersign/express';
import { webhookHandler } from '@countersign/fetch';
import { webhook as koaWebhook } from '@countersign/koa';
import { webhookHandler as lambdaHandler } from '@countersign/lambda';
import { migrationSql as mysqlMigrationSql, mysqlReplayStore } from '@countersign/mysql';
import { postgresReplayStore } from '@countersign/postgres';
import { redisReplayStore } from '@countersign/redis';
import { standardWebhooks } from '@countersign/schemes';
import { defineJwtScheme, jwksSecrets } from '@countersign/schemes/jwt';
import { migrationSql as sqliteMigrationSql, sqliteReplayStore } from '@countersign/sqlite';
import { sign } from '@countersign/testing';
import { expect, test } from 'vitest';
import { inheriting, poison } from '../support/inheriting.ts';

// Another library of the same process may set `Object.prototype.replay`, by mistake or by a bug that an attacker uses. What a user left
// out must not be read from there.

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const scheme = standardWebhooks();
const verifier = createVerifier({ scheme, secrets: secret, endpoint: 'own-options' });

const dynamodb = Object.fromEntries(
  ['putItem', 'updateItem', 'deleteItem', 'getItem', 'transactWriteItems'].map((name) => [name, async () => ({})]),
) as never;
const sqlite = { prepare: () => ({ all: () => [] }), exec: () => undefined } as never;

test.each<[string, string[], () => unknown]>([
  [
    'createVerifier()',
    [
      'publicUrl',
      'toleranceSeconds',
      'replay',
      'deliveryKey',
      'leaseSeconds',
      'handlerTimeoutSeconds',
      'onStoreError',
      'maxPendingBytes',
      'observe',
      'disabled',
      'intervalSeconds',
      'timeoutSeconds',
      'mismatchWaitMs',
      'maxStaleSeconds',
      'retainPreviousSeconds',
    ],
    () => createVerifier({ scheme, secrets: secret }),
  ],
  [
    'createKeyring()',
    ['observe', 'intervalSeconds', 'maxStaleSeconds', 'retainPreviousSeconds'],
    () => createKeyring(staticSecrets(secret), { scheme }),
  ],
  ['memoryReplayStore()', ['maxEntries'], () => memoryReplayStore({})],
  ['fileSecrets()', ['pollSeconds'], () => fileSecrets('/nowhere/secret', {})],
  ['envSecrets()', ['env'], () => envSecrets('NOWHERE', {}).load],
  [
    'readAdapterOptions()',
    ['maxBodyBytes', 'contentEncoding', 'rawBody', 'claim', 'settle'],
    () => readAdapterOptions('webhook()', verifier),
  ],
  ['webhook() of Express', ['maxBodyBytes', 'rawBody', 'claim'], () => expressWebhook(verifier, {})],
  ['webhook() of Koa', ['maxBodyBytes', 'rawBody', 'claim'], () => koaWebhook(verifier, {})],
  ['webhookHandler()', ['maxBodyBytes', 'rawBody', 'claim'], () => webhookHandler(verifier, () => 204, {})],
  [
    'webhookHandler() of Lambda',
    ['maxBodyBytes', 'rawBody', 'claim', 'settle'],
    () => lambdaHandler(verifier, () => 204, {}),
  ],
  ['redisReplayStore()', ['prefix'], () => redisReplayStore({ sendCommand: async () => undefined })],
  [
    'postgresReplayStore()',
    ['prepare', 'sweepSeconds', 'table', 'schema', 'timeoutMs'],
    () =>
      postgresReplayStore({
        pool: { query: async () => ({ rows: [] }), connect: async () => ({}) } as never,
      }),
  ],
  [
    'mysqlReplayStore()',
    ['prepare', 'sweepSeconds', 'table', 'database', 'timeoutMs', 'clock'],
    () => mysqlReplayStore({ pool: { query: async () => ({}), getConnection: async () => ({}) } as never }),
  ],
  ['migrationSql() of MySQL', ['table', 'database'], () => mysqlMigrationSql({})],
  [
    'sqliteReplayStore()',
    ['path', 'synchronous', 'sweepSeconds', 'table', 'clock'],
    () => sqliteReplayStore({ database: sqlite }),
  ],
  ['migrationSql() of SQLite', ['table'], () => sqliteMigrationSql({})],
  [
    'dynamodbReplayStore()',
    ['timeoutMs', 'clockSkewMs', 'clock'],
    () => dynamodbReplayStore({ client: dynamodb, table: 'replay' }),
  ],
  [
    'durableObjectReplayStore()',
    ['name', 'objects', 'timeoutMs', 'clock'],
    () =>
      durableObjectReplayStore({
        namespace: { idFromName: () => ({}), get: () => ({}) } as never,
      }),
  ],
  [
    'defineJwtScheme()',
    [
      'secret',
      'issuer',
      'audience',
      'bodyHash',
      'urlHash',
      'url',
      'keyId',
      'tolerance',
      'leewaySeconds',
      'prefix',
    ],
    () =>
      defineJwtScheme({
        name: 'own-fields',
        algorithms: ['ES256'],
        token: { header: 'acme-signature' },
        identity: 'jti',
        delivery: { retries: 'any-failure', idStableOverRetries: 'unknown', retrySignature: 'renewed' },
      }),
  ],
  [
    'jwksSecrets()',
    ['maxBodyBytes'],
    () => jwksSecrets('https://example.com/keys', { algorithms: ['RS256'] }),
  ],
])('%s reads no inherited option', (_, names, make) => {
  for (const name of names) {
    expect(() => inheriting({ [name]: poison }, make), name).not.toThrow();
  }
});

test('readBody() reads no inherited option', async () => {
  const reading = inheriting({ contentEncoding: poison }, () => readBody({} as never, { maxBodyBytes: 1 }));
  await expect(reading).rejects.not.toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
});

test('replay protection stays on', async () => {
  const made = inheriting({ replay: false, claim: 'manual', disabled: true }, () =>
    createVerifier({ scheme, secrets: secret, endpoint: 'polluted' }),
  );
  const request = sign(scheme, { secret, id: 'once', body: '{}' });
  let runs = 0;
  const handler = () => {
    runs++;
  };
  // Set for the whole of both deliveries, as it would be in a real process.
  Object.defineProperty(Object.prototype, 'claim', { value: 'manual', configurable: true });
  try {
    expect((await made.handle(request, handler)).status).toBe(204);
    expect((await made.handle(request, handler, {})).status).toBe(200);
  } finally {
    Reflect.deleteProperty(Object.prototype, 'claim');
  }
  expect(runs).toBe(1);
  await made.close();
});
