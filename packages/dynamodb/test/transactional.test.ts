import type { DynamoDB } from '@aws-sdk/client-dynamodb';
import { createVerifier, replayRecord, type VerifiedWebhook } from '@countersign/core';
import {
  type DynamodbReplayStore,
  dynamodbReplayStore,
  migrate,
  type Transaction,
} from '@countersign/dynamodb';
import { standardWebhooks } from '@countersign/schemes';
import { manualClock, sign } from '@countersign/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  dynamodbClient,
  dynamodbFront,
  startDynamodb,
} from '../../../test/support/servers/dynamodb-server.ts';
import type { LocalServer } from '../../../test/support/servers/local-server.ts';

const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

describe('run(webhook, handler)', () => {
  let server: LocalServer;
  let front: Awaited<ReturnType<typeof dynamodbFront>>;
  let client: DynamoDB;
  let store: DynamodbReplayStore;
  const verifier = createVerifier({ scheme: standardWebhooks(), secrets: SECRET, replay: false });

  beforeAll(async () => {
    server = await startDynamodb();
    front = await dynamodbFront(server.url);
    client = dynamodbClient(front.url);
    for (const table of ['webhooks', 'orders']) await migrate(client, { table });
    store = dynamodbReplayStore({ client, table: 'webhooks', timeoutMs: 60_000 });
  });
  afterEach(() => {
    front.interfere = undefined;
  });
  afterAll(async () => {
    client.destroy();
    await front.close();
    await server?.stop();
    await verifier.close();
  });

  let deliveries = 0;
  function delivery(): Promise<VerifiedWebhook> {
    return verifier.verify(
      sign(standardWebhooks(), { secret: SECRET, id: `msg_${process.pid}_${++deliveries}`, body: '{}' }),
    );
  }

  const keyOf = (webhook: VerifiedWebhook) => ({ key: { B: Buffer.from(webhook.id) } });

  /** One more sale of this order: what happens twice is seen. */
  function sell(webhook: VerifiedWebhook): (transaction: Transaction) => string {
    return (transaction) => {
      transaction.write({
        Update: {
          TableName: 'orders',
          Key: keyOf(webhook),
          UpdateExpression: 'ADD sold :one',
          ExpressionAttributeValues: { ':one': { N: '1' } },
        },
      });
      return `order of ${webhook.id}`;
    };
  }

  async function sold(webhook: VerifiedWebhook): Promise<number> {
    const { Item } = await client.getItem({ TableName: 'orders', Key: keyOf(webhook), ConsistentRead: true });
    return Number(Item?.sold?.N ?? 0);
  }

  test('the record and the effect are there together, and a duplicate runs nothing', async () => {
    const webhook = await delivery();
    expect(await store.run(webhook, sell(webhook))).toEqual({
      state: 'done',
      result: `order of ${webhook.id}`,
    });
    const handler = vi.fn();
    expect(await store.run(webhook, handler)).toEqual({ state: 'duplicate' });
    expect(handler).not.toHaveBeenCalled();
    expect(await sold(webhook)).toBe(1);
  });

  test('a handler without writes is handled too', async () => {
    const webhook = await delivery();
    expect((await store.run(webhook, () => 'nothing to do')).state).toBe('done');
    expect((await store.run(webhook, () => 'nothing to do')).state).toBe('duplicate');
  });

  test('what the handler throws undoes both, is thrown as it is, and the next delivery runs at once', async () => {
    const webhook = await delivery();
    const mistake = new Error('out of stock');
    const failing = (transaction: Transaction) => {
      sell(webhook)(transaction);
      throw mistake;
    };
    await expect(store.run(webhook, failing)).rejects.toBe(mistake);
    expect(await sold(webhook)).toBe(0);
    expect((await store.run(webhook, sell(webhook))).state).toBe('done');
    expect(await sold(webhook)).toBe(1);
  });

  test("a refused condition of the handler's own write undoes both, and is the SDK's error", async () => {
    const webhook = await delivery();
    await expect(
      store.run(webhook, (transaction) => {
        sell(webhook)(transaction);
        transaction.write({
          Put: {
            TableName: 'orders',
            Item: { key: { B: Buffer.from('other') } },
            ConditionExpression: 'attribute_exists(nothing)',
          },
        });
      }),
    ).rejects.toMatchObject({ name: 'TransactionCanceledException' });
    expect(await sold(webhook)).toBe(0);
    expect((await store.run(webhook, sell(webhook))).state).toBe('done');
  });

  test('of 50 deliveries at the same time one has an effect, and the others are duplicates in the end', async () => {
    const webhook = await delivery();
    let runs = 0;
    async function deliverUntilHandled(): Promise<string> {
      for (;;) {
        try {
          return (
            await store.run(webhook, (transaction) => {
              runs++;
              return sell(webhook)(transaction);
            })
          ).state;
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_WEBHOOK_IN_PROGRESS' });
        }
      }
    }
    const states = await Promise.all(Array.from({ length: 50 }, deliverUntilHandled));
    expect(states.filter((state) => state === 'done')).toHaveLength(1);
    expect(runs).toBe(1);
    expect(await sold(webhook)).toBe(1);
  });

  test('a transaction whose response was lost is sent again by the SDK, and has one effect', async () => {
    const webhook = await delivery();
    let lost = 0;
    front.interfere = async (action, forward) => {
      if (action !== 'TransactWriteItems' || lost++ > 0) return undefined;
      await forward();
      throw new Error('The response is lost.');
    };
    expect((await store.run(webhook, sell(webhook))).state).toBe('done');
    expect(lost).toBe(2);
    expect(await sold(webhook)).toBe(1);
  });

  test('a transaction that meets another change of an item, such as a renewal, is tried again', async () => {
    const webhook = await delivery();
    let calls = 0;
    front.interfere = async (action) => {
      if (action !== 'TransactWriteItems' || calls++ > 0) return undefined;
      const __type = 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException';
      const CancellationReasons = [{ Code: 'TransactionConflict' }, { Code: 'None' }];
      return { status: 400, body: { __type, message: 'Transaction cancelled', CancellationReasons } };
    };
    let runs = 0;
    const { state } = await store.run(webhook, (transaction) => {
      runs++;
      sell(webhook)(transaction);
    });
    expect([state, runs, calls]).toEqual(['done', 1, 2]);
    expect(await sold(webhook)).toBe(1);
  });

  test.each(['before', 'after'])(
    'a transaction that is lost for good %s it was carried out leaves one effect',
    async (moment) => {
      const webhook = await delivery();
      front.interfere = async (action, forward) => {
        if (action !== 'TransactWriteItems') return undefined;
        if (moment === 'after') await forward();
        throw new Error('The response is lost.');
      };
      await expect(store.run(webhook, sell(webhook))).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
      });
      front.interfere = undefined;
      expect((await store.run(webhook, sell(webhook))).state).toBe(moment === 'after' ? 'duplicate' : 'done');
      expect(await sold(webhook)).toBe(1);
    },
  );

  test('a run that lost its lease to another one writes nothing', async () => {
    const webhook = await delivery();
    const clock = manualClock();
    const timed = dynamodbReplayStore({ client, table: 'webhooks', timeoutMs: 600_000, clock });
    const late = timed.run(webhook, async (transaction) => {
      sell(webhook)(transaction);
      // As if this process had been paused past its lease: the wall clock goes on, no timer runs.
      clock.stepWall(40_000);
      expect((await timed.run(webhook, sell(webhook))).state).toBe('done');
    });
    await expect(late).rejects.toMatchObject({ code: 'ERR_WEBHOOK_IN_PROGRESS' });
    expect(await sold(webhook)).toBe(1);
  });

  test('while the handler runs its lease is renewed', async () => {
    const webhook = await delivery();
    const clock = manualClock();
    const timed = dynamodbReplayStore({ client, table: 'webhooks', timeoutMs: 600_000, clock });
    const { key } = replayRecord(webhook);
    await timed.run(
      webhook,
      async (transaction) => {
        for (let second = 0; second < 30; second++) {
          await clock.advance(1000);
          const claim = await timed.claim(key, { leaseMs: 1000, fenceTtlMs: 1000 });
          expect(claim.state).toBe('in-progress');
        }
        sell(webhook)(transaction);
      },
      { leaseSeconds: 6 },
    );
    expect(await sold(webhook)).toBe(1);
  });

  test('refuses a webhook that no verifier made, no handler, options that it does not know, and too many writes', async () => {
    const webhook = await delivery();
    const handler = vi.fn();
    const many = (transaction: Transaction) => {
      for (let index = 0; index < 100; index++) sell(webhook)(transaction);
    };
    for (const args of [
      [{ ...webhook }, handler],
      [webhook, undefined],
      [webhook, handler, { lease: 1 }],
      [webhook, handler, { leaseSeconds: 0 }],
      [webhook, many],
    ]) {
      await expect(Reflect.apply(store.run, store, args)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
      });
    }
    expect(handler).not.toHaveBeenCalled();
  });
});
