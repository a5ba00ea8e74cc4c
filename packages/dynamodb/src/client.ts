import { configError } from '@countersign/core/extend';

/** A value in DynamoDB's wire format. */
export type AttributeValue = { S: string } | { N: string } | { B: Uint8Array };
export type Item = Record<string, AttributeValue>;

interface Condition {
  ConditionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Item;
  ReturnValuesOnConditionCheckFailure?: 'ALL_OLD' | 'NONE';
}

export interface UpdateInput extends Condition {
  TableName: string;
  Key: Item;
  UpdateExpression: string;
}

/** One of the handler's own writes, as `transactWriteItems()` of the AWS SDK takes it. */
export interface TransactWriteItem {
  // biome-ignore lint/suspicious/noExplicitAny: the SDK's types describe this, and this package does not import them.
  Put?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  Update?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  Delete?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  ConditionCheck?: any;
}

interface CallOptions {
  abortSignal?: AbortSignal;
}

/** The part of the AWS SDK's client that is used: `new DynamoDB()` of `@aws-sdk/client-dynamodb` has it. */
export interface DynamoClient {
  putItem(input: Condition & { TableName: string; Item: Item }, options?: CallOptions): Promise<unknown>;
  updateItem(input: UpdateInput, options?: CallOptions): Promise<unknown>;
  deleteItem(input: Condition & { TableName: string; Key: Item }, options?: CallOptions): Promise<unknown>;
  getItem(
    input: { TableName: string; Key: Item; ConsistentRead: boolean },
    options?: CallOptions,
  ): Promise<{ Item?: unknown }>;
  transactWriteItems(
    input: { TransactItems: TransactWriteItem[]; ClientRequestToken?: string },
    options?: CallOptions,
  ): Promise<unknown>;
}

const METHODS = ['putItem', 'updateItem', 'deleteItem', 'getItem', 'transactWriteItems'] as const;

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for anything else. */
export function checkClient(owner: string, client: unknown, methods: readonly string[] = METHODS): void {
  const given = (client ?? {}) as Record<string, unknown>;
  if (methods.every((method) => typeof given[method] === 'function')) return;
  throw configError(
    `"client" of ${owner} must be new DynamoDB() of @aws-sdk/client-dynamodb, the client that has a method for each call; DynamoDBClient and DynamoDBDocumentClient have only send().`,
  );
}

/** An expression and its names: every `#name` is the attribute of that name. */
export function namesIn(...expressions: readonly string[]): Record<string, string> {
  const names = expressions.join(' ').matchAll(/#(\w+)/g);
  return Object.fromEntries([...names].map(([placeholder, name]) => [placeholder, name ?? '']));
}
