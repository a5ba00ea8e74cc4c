import type { DynamoDB } from '@aws-sdk/client-dynamodb';
import { type DynamoClient, dynamodbReplayStore, migrate } from '@countersign/dynamodb';
import { manualClock } from '@countersign/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { ReplayHistory } from '../../../test/support/replay/history.ts';
import { type Commands, commands, Model } from '../../../test/support/replay/store-model.ts';
import {
  checkEnd,
  deliverAll,
  deliveries,
  inModelTime,
  KEEP_MS,
  pauses,
} from '../../../test/support/replay/traffic.ts';
import { dynamodbClient, startDynamodb } from '../../../test/support/servers/dynamodb-server.ts';
import type { LocalServer } from '../../../test/support/servers/local-server.ts';

describe('the DynamoDB replay store', () => {
  let server: LocalServer;
  let client: DynamoDB;
  let tables = 0;
  beforeAll(async () => {
    server = await startDynamodb();
    client = dynamodbClient(server.url);
  });
  afterAll(async () => {
    client.destroy();
    await server?.stop();
  });

  async function newTable(): Promise<string> {
    const table = `table_${++tables}`;
    await migrate(client, { table });
    return table;
  }

  test('returns the same results as a plain model', async () => {
    async function agrees(steps: Commands): Promise<void> {
      const clock = manualClock();
      const store = dynamodbReplayStore({
        client,
        table: await newTable(),
        clock,
        clockSkewMs: 0,
        timeoutMs: 60_000,
      });
      const model = new Model(1_000_000);
      // DynamoDB removes what has expired whenever it likes, so how many items there are says nothing.
      const count = async () => 1000;
      const real = inModelTime(store, count, (ms) => clock.advance(ms));
      await fc.asyncModelRun(() => ({ model, real }), steps);
    }
    await fc.assert(fc.asyncProperty(commands(3), agrees), { numRuns: 20 });
  });

  test('in any order that a scheduler gives to its calls, it acts as if they came one by one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), deliveries, pauses, async (scheduler, sent, waits) => {
        const clock = manualClock();
        const table = await newTable();
        const scheduled = (name: keyof DynamoClient) =>
          unrejected(scheduler, (...args) => Reflect.apply(client[name] as never, client, args));
        const slowed: DynamoClient = {
          putItem: scheduled('putItem'),
          updateItem: scheduled('updateItem'),
          deleteItem: scheduled('deleteItem'),
          getItem: scheduled('getItem'),
          transactWriteItems: scheduled('transactWriteItems'),
        };
        const store = dynamodbReplayStore({
          client: slowed,
          table,
          clock,
          clockSkewMs: 0,
          timeoutMs: 600_000,
        });
        const advance = scheduler.scheduleFunction((ms: number) => clock.advance(ms));
        // Less than a deadline in all: what comes too late counts as not answered.
        const [unitMs, leaseMs] = [1000, 10_000];
        const history = new ReplayHistory(store, leaseMs, KEEP_MS);
        await scheduler.waitFor(deliverAll(history, sent, waits, advance, unitMs));
        await scheduler.waitFor(checkEnd(history, advance, leaseMs));
      }),
      { numRuns: 60 },
    );
  });
});

/** A scheduled function whose rejections only its caller sees: the scheduler keeps promises of its own beside. */
function unrejected(scheduler: fc.Scheduler, call: (...args: unknown[]) => Promise<unknown>) {
  const scheduled = scheduler.scheduleFunction((...args: unknown[]) =>
    call(...args).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    ),
  );
  return async (...args: unknown[]): Promise<never> => {
    const outcome = await scheduled(...args);
    if ('error' in outcome) throw outcome.error;
    return outcome.value as never;
  };
}
