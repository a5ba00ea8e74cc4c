import { setTimeout as pause } from 'node:timers/promises';
import { checkKeys, checkNumber, configError } from '@countersign/core/extend';
import { checkClient } from './client.ts';
import { errorNameOf, storeError } from './store-error.ts';

/** Options of {@link migrate}. */
export interface MigrateOptions {
  /** The table's name. */
  table: string;
  /** How long it may take until the table can be used, in milliseconds. Default: 120,000. */
  timeoutMs?: number;
}

/** The part of the AWS SDK's client that {@link migrate} uses: `new DynamoDB()` has it. */
interface AdminClient {
  // biome-ignore lint/suspicious/noExplicitAny: the SDK's types are not imported.
  createTable(input: any): Promise<unknown>;
  describeTable(input: {
    TableName: string;
  }): Promise<{ Table?: { TableStatus?: string | undefined } | undefined }>;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  updateTimeToLive(input: any): Promise<unknown>;
}

const TIME_TO_LIVE = { AttributeName: 'expiresAt', Enabled: true } as const;
const LOOK_EVERY_MS = 500;

/**
 * Creates the table of {@link dynamodbReplayStore} if it is missing, waits until it can be used, and lets DynamoDB remove expired
 * items. For development and tests; in production create it with your other infrastructure, from {@link tableDefinition}.
 *
 * @param client `new DynamoDB()` of `@aws-sdk/client-dynamodb`, with the rights to create a table.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, `ERR_WEBHOOK_STORE_UNAVAILABLE` if DynamoDB refuses.
 * @example
 * ```ts
 * await migrate(new DynamoDB(), { table: 'webhooks' })
 * ```
 */
export async function migrate(client: AdminClient, options: MigrateOptions): Promise<void> {
  options = checkKeys('migrate()', options, ['table', 'timeoutMs']);
  checkClient('migrate()', client, ['createTable', 'describeTable', 'updateTimeToLive']);
  const table = checkTable(options.table);
  const timeoutMs = checkNumber('timeoutMs', options.timeoutMs, {
    min: 1,
    max: 3_600_000,
    fallback: 120_000,
  });
  try {
    await client.createTable(tableDefinition(table)).catch((error: unknown) => {
      if (errorNameOf(error) !== 'ResourceInUseException') throw error;
    });
    const end = performance.now() + timeoutMs;
    for (;;) {
      const { Table } = await client.describeTable({ TableName: table });
      if (Table?.TableStatus === 'ACTIVE') break;
      if (performance.now() > end)
        throw new Error(`The table is ${Table?.TableStatus} after ${timeoutMs} ms.`);
      await pause(LOOK_EVERY_MS);
    }
    await client
      .updateTimeToLive({ TableName: table, TimeToLiveSpecification: TIME_TO_LIVE })
      .catch((error: unknown) => {
        // It is already on, or this is a local DynamoDB without it.
        if (!['ValidationException', 'UnknownOperationException'].includes(errorNameOf(error))) throw error;
      });
  } catch (error) {
    throw storeError(error, table);
  }
}

/**
 * The input for `createTable()` of the AWS SDK: a partition key `key` of type binary, and on-demand capacity. Also turn on time
 * to live for the attribute `expiresAt`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for an invalid name of a table.
 */
export function tableDefinition(table: string): {
  TableName: string;
  AttributeDefinitions: { AttributeName: string; AttributeType: 'B' }[];
  KeySchema: { AttributeName: string; KeyType: 'HASH' }[];
  BillingMode: 'PAY_PER_REQUEST';
} {
  return {
    TableName: checkTable(table),
    AttributeDefinitions: [{ AttributeName: 'key', AttributeType: 'B' }],
    KeySchema: [{ AttributeName: 'key', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
  };
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` if it is neither the name nor the ARN of a table. */
export function checkTable(table: unknown): string {
  if (typeof table === 'string' && /^(?:[\w.-]{3,255}|arn:[\w:./-]{10,1000})$/.test(table)) return table;
  throw configError(
    '"table" must be the name of a DynamoDB table, of 3 to 255 letters, digits, "_", "-" and ".", or its ARN.',
  );
}
