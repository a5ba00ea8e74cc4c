import { isWebhookError, WebhookError } from '@countersign/core';

/** The name of an error of the AWS SDK. */
export function errorNameOf(error: unknown): string {
  const { name } = (error ?? {}) as { name?: unknown };
  return typeof name === 'string' ? name : '';
}

/** The item did not meet the condition: not a failure, but the answer. */
export function isConditionFailed(error: unknown): error is { Item?: unknown } {
  return errorNameOf(error) === 'ConditionalCheckFailedException';
}

/** Another transaction has the item in its hands: trying again helps. */
export function isConflict(error: unknown): boolean {
  const name = errorNameOf(error);
  return name === 'TransactionConflictException' || name === 'TransactionInProgressException';
}

/** The reasons of a canceled transaction, one for each of its items in their order. */
export function cancellationsOf(error: unknown): readonly { Code?: string }[] | undefined {
  if (errorNameOf(error) !== 'TransactionCanceledException') return undefined;
  const { CancellationReasons } = error as { CancellationReasons?: { Code?: string }[] };
  return CancellationReasons ?? [];
}

const THROTTLED =
  'DynamoDB throttles the table or the account. Switch the table to on-demand capacity, or raise what is provisioned.';
const CREDENTIALS =
  'DynamoDB does not accept the credentials of the client: they are missing, expired or of another account. Check the role of the function or instance.';
const SENTENCES: Readonly<Record<string, (table: string) => string>> = {
  ResourceNotFoundException: (table) =>
    `The table "${table}" does not exist in this region and account, or is still being created. Run migrate(client, { table }), or create it from tableDefinition().`,
  AccessDeniedException: (table) =>
    `The role of the client lacks a right on the table "${table}". It needs dynamodb:PutItem, UpdateItem, GetItem and DeleteItem; run() also needs the rights of what its handler writes.`,
  ValidationException: (table) =>
    `DynamoDB refused an item of the table "${table}": its partition key must be "key", of type binary, and it must have no sort key. Give the store a table of its own, made by migrate().`,
  ProvisionedThroughputExceededException: () => THROTTLED,
  ThrottlingException: () => THROTTLED,
  RequestLimitExceeded: () => THROTTLED,
  ReplicatedWriteConflictException: (table) =>
    `Another region writes to the table "${table}". Let one region own an endpoint: a global table does not keep two regions apart.`,
  TransactionConflictException: () => 'The item is in the hands of another transaction again and again.',
  TransactionInProgressException: () => 'The item is in the hands of another transaction again and again.',
  UnrecognizedClientException: () => CREDENTIALS,
  InvalidSignatureException: () => CREDENTIALS,
  ExpiredTokenException: () => CREDENTIALS,
  CredentialsProviderError: () => CREDENTIALS,
};

/** What went wrong between store and DynamoDB, as verifiers know it. */
export function storeError(error: unknown, table: string): WebhookError {
  if (isWebhookError(error)) return error;
  const name = errorNameOf(error);
  const sentence = Object.hasOwn(SENTENCES, name) ? SENTENCES[name]?.(table) : undefined;
  const { $metadata } = (error ?? {}) as { $metadata?: { httpStatusCode?: number } };
  const unknown =
    $metadata?.httpStatusCode === undefined
      ? 'DynamoDB could not be reached; see the cause.'
      : `DynamoDB refused a call of the store (${name || 'no name'}); see the cause.`;
  return unavailable(sentence ?? unknown, error);
}

export function overdue(timeoutMs: number): WebhookError {
  return unavailable(`DynamoDB did not answer within the ${timeoutMs} ms of "timeoutMs".`);
}

// Of the cause only its name and its text: the SDK's errors carry the response, and the item that did not meet a condition.
function unavailable(sentence: string, reason?: unknown): WebhookError {
  const cause =
    reason === undefined
      ? undefined
      : Object.assign(new Error(reason instanceof Error ? reason.message : String(reason)), {
          name: errorNameOf(reason) || 'Error',
        });
  return new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', sentence, { cause });
}
