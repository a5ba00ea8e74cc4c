import type { DynamoDB } from '@aws-sdk/client-dynamodb';
import { dynamodbReplayStore, migrate } from '@countersign/dynamodb';
import { type FaultProxy, faultProxy } from '@countersign-internal/simulator';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { STORE_TIMEOUT_MS } from '../support/faults/inject-fault.ts';
import { type StoreStage, storeFaultCases } from '../support/faults/store-cases.ts';
import { dynamodbClient, startDynamodb } from '../support/servers/dynamodb-server.ts';
import type { LocalServer } from '../support/servers/local-server.ts';

describe('with DynamoDB', () => {
  let server: LocalServer;
  let admin: DynamoDB;
  let proxy: FaultProxy;
  let client: DynamoDB;
  let table: string;
  let tables = 0;

  beforeAll(async () => {
    server = await startDynamodb();
    admin = dynamodbClient(server.url);
  });
  afterAll(async () => {
    admin?.destroy();
    await server?.stop();
  });
  beforeEach(async () => {
    table = `table_${++tables}`;
    await migrate(admin, { table });
    proxy = await faultProxy({ target: server });
    client = dynamodbClient(`http://${proxy.host}:${proxy.port}`, { maxAttempts: 1 });
  });
  afterEach(async () => {
    client.destroy();
    await proxy.close();
  });

  const stage: StoreStage = {
    get server() {
      return server;
    },
    get proxy() {
      return proxy;
    },
    get store() {
      return dynamodbReplayStore({ client, table, timeoutMs: STORE_TIMEOUT_MS, clockSkewMs: 0 });
    },
    async connected() {
      await client.listTables();
    },
    direct: () => dynamodbReplayStore({ client: admin, table, clockSkewMs: 0 }),
  };
  storeFaultCases(stage);
});
