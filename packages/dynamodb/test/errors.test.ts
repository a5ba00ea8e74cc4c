import { inspect } from 'node:util';
import { DynamoDB, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { isWebhookError } from '@countersign/core';
import { dynamodbReplayStore, migrate, tableDefinition } from '@countersign/dynamodb';
import { manualClock } from '@countersign/testing';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  dynamodbClient,
  dynamodbFront,
  startDynamodb,
} from '../../../test/support/servers/dynamodb-server.ts';
import { freePort } from '../../../test/support/servers/free-port.ts';
import type { LocalServer } from '../../../test/support/servers/local-server.ts';

const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };
const KEPT = { ttlMs: 600_000, replayWindowMs: 600_000 };
const TOKEN = { fencingToken: 1, owner: 'A'.repeat(22) };

describe('dynamodbReplayStore() refuses', () => {
  const client = new DynamoDB({ region: 'eu-central-1' });
  test.each<[string, unknown]>([
    ['no options', undefined],
    ['no client', { table: 'webhooks' }],
    [
      'a client that has only send()',
      { client: new DynamoDBClient({ region: 'eu-central-1' }), table: 'webhooks' },
    ],
    ['no table', { client }],
    ['a table without a name', { client, table: '' }],
    ['a table with a space', { client, table: 'web hooks' }],
    ['an option that it does not know', { client, table: 'webhooks', tableName: 'webhooks' }],
    ['a timeout of 0', { client, table: 'webhooks', timeoutMs: 0 }],
    ['a timeout that is not a number', { client, table: 'webhooks', timeoutMs: Number.NaN }],
    ['clocks that differ by less than nothing', { client, table: 'webhooks', clockSkewMs: -1 }],
    ['a clock that is a date', { client, table: 'webhooks', clock: new Date() }],
  ])('%s', (_, options) => {
    expect(() => Reflect.apply(dynamodbReplayStore, undefined, [options])).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });

  test('and says what to write instead', () => {
    expect(() => Reflect.apply(dynamodbReplayStore, undefined, [{ client: {}, table: 'webhooks' }])).toThrow(
      'new DynamoDB() of @aws-sdk/client-dynamodb',
    );
    expect(() => tableDefinition('x')).toThrow('"table"');
  });
});

describe('when DynamoDB fails', () => {
  let server: LocalServer;
  let front: Awaited<ReturnType<typeof dynamodbFront>>;
  let client: DynamoDB;
  beforeAll(async () => {
    server = await startDynamodb();
    front = await dynamodbFront(server.url);
    client = dynamodbClient(front.url, { maxAttempts: 1 });
    await migrate(client, { table: 'webhooks' });
  });
  afterEach(() => {
    front.interfere = undefined;
  });
  afterAll(async () => {
    client.destroy();
    await front.close();
    await server?.stop();
  });

  async function expectUnavailable(call: Promise<unknown>, sentence: RegExp): Promise<void> {
    const error: unknown = await call.then(
      (result) => expect.fail(`it returned ${JSON.stringify(result)}`),
      (thrown: unknown) => thrown,
    );
    if (!isWebhookError(error)) throw error;
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_STORE_UNAVAILABLE', status: 503 });
    expect(error.message).toMatch(sentence);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(TOKEN.owner);
  }

  async function everyCallIsUnavailable(
    sentence: RegExp,
    options: { client?: DynamoDB; table?: string } = {},
  ) {
    const store = dynamodbReplayStore({ client, table: 'webhooks', timeoutMs: 60_000, ...options });
    await expectUnavailable(store.claim('k', HELD), sentence);
    await expectUnavailable(store.renew('k', TOKEN, 1000), sentence);
    await expectUnavailable(store.commit('k', TOKEN, KEPT), sentence);
    await expectUnavailable(store.release('k', TOKEN), sentence);
    await expectUnavailable(store.forget('k'), sentence);
  }

  test('a table that is missing: run migrate()', async () => {
    await everyCallIsUnavailable(/"nowhere" does not exist .* Run migrate/, { table: 'nowhere' });
  });

  test('a table with another key', async () => {
    await client.createTable({
      ...tableDefinition('other'),
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    });
    await expectUnavailable(
      dynamodbReplayStore({ client, table: 'other', timeoutMs: 60_000 }).claim('k', HELD),
      /partition key must be "key"/,
    );
  });

  // What dynalite can't show, as DynamoDB says it.
  test.each([
    ['a role without rights', 'AccessDeniedException', 400, /has no permission .* dynamodb:PutItem/],
    ['a table that is throttled', 'ProvisionedThroughputExceededException', 400, /throttles/],
    ['an account that is throttled', 'ThrottlingException', 400, /throttles/],
    ['credentials that are no longer valid', 'ExpiredTokenException', 400, /does not accept the credentials/],
    ['an error of its own', 'InternalServerError', 500, /refused a call|could not be reached/],
    ['an item that another transaction holds', 'TransactionConflictException', 400, /Other transactions/],
  ])('%s', async (_, name, status, sentence) => {
    front.interfere = async () => ({
      status,
      body: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: name },
    });
    await everyCallIsUnavailable(sentence);
  });

  test('a conflict with a transaction that ends is waited out', async () => {
    let conflicts = 0;
    front.interfere = async () =>
      conflicts++ < 3
        ? { status: 400, body: { __type: 'com.amazonaws.dynamodb.v20120810#TransactionConflictException' } }
        : undefined;
    const store = dynamodbReplayStore({ client, table: 'webhooks', timeoutMs: 60_000 });
    expect((await store.claim('conflict', HELD)).state).toBe('claimed');
  });

  test('nothing listens at its endpoint', async () => {
    const lost = dynamodbClient(`http://127.0.0.1:${await freePort()}`, { maxAttempts: 1 });
    onTestFinished(() => lost.destroy());
    await everyCallIsUnavailable(/could not be reached/, { client: lost });
  });

  test('no credentials', async () => {
    const nobody = dynamodbClient(front.url, {
      credentials: async () => {
        throw Object.assign(new Error('no role'), { name: 'CredentialsProviderError' });
      },
    });
    onTestFinished(() => nobody.destroy());
    await everyCallIsUnavailable(/does not accept the credentials/, { client: nobody });
  });

  test('a call that hangs is given up in time', async () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    front.interfere = async () => {
      await held;
      return undefined;
    };
    const store = dynamodbReplayStore({ client, table: 'webhooks', timeoutMs: 200 });
    await expectUnavailable(store.claim('hung', HELD), /did not respond within the 200 ms/);
    letGo();
  });

  test('a response that comes too late counts as none, also if no timer said so, and a late claim is given back', async () => {
    let pausedMs = 0;
    const running = manualClock();
    const clock = { ...running, monotonic: () => running.monotonic() + pausedMs };
    const store = dynamodbReplayStore({ client, table: 'webhooks', timeoutMs: 1000, clock });
    let calls = 0;
    front.interfere = async (_, forward) => {
      const reply = await forward();
      // As if the process was paused: the time is over before any timer could run.
      if (calls++ === 0) pausedMs = 5000;
      return reply;
    };
    await expectUnavailable(store.claim('late', HELD), /did not respond/);
    await vi.waitFor(async () => {
      const patient = dynamodbReplayStore({ client, table: 'webhooks', timeoutMs: 60_000, clock });
      expect(await patient.claim('late', HELD)).toMatchObject({
        state: 'claimed',
        token: { fencingToken: 2 },
      });
    }, 30_000);
  });

  test('killed and started again between claim and commit: the claim holds', async () => {
    const direct = dynamodbClient(server.url, { maxAttempts: 1 });
    onTestFinished(() => direct.destroy());
    const store = dynamodbReplayStore({ client: direct, table: 'webhooks', timeoutMs: 60_000 });
    const claim = await store.claim('survivor', HELD);
    if (claim.state !== 'claimed') throw new Error(claim.state);
    await server.kill('SIGKILL');
    await expectUnavailable(store.commit('survivor', claim.token, KEPT), /could not be reached/);
    await server.restart();
    expect(await vi.waitFor(() => store.commit('survivor', claim.token, KEPT), 30_000)).toBe(true);
    expect(await store.claim('survivor', HELD)).toEqual({ state: 'committed' });
  });

  test('tokens of other stores are refused without asking', async () => {
    const store = dynamodbReplayStore({ client, table: 'nowhere' });
    for (const other of [
      { ...TOKEN, owner: '' },
      { ...TOKEN, fencingToken: 1.5 },
      { ...TOKEN, fencingToken: Number.NaN },
    ]) {
      expect(await store.commit('k', other, KEPT)).toBe(false);
    }
  });
});
