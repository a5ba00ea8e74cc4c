export type {
  AttributeValue,
  DynamoClient,
  TransactWriteItem,
} from './client.ts';
export {
  type DynamodbReplayStore,
  type DynamodbReplayStoreOptions,
  dynamodbReplayStore,
  type RunOptions,
  type Transaction,
} from './dynamodb-replay-store.ts';
export { type MigrateOptions, migrate, tableDefinition } from './migrate.ts';
