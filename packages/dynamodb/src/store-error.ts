import { isWebhookError, WebhookError } from '@countersign/core';

/** The name of an error of the AWS SDK. */
export function errorNameOf(error: unknown): string {
  const { name } = (error ?? {}) as { name?: unknown };
  return typeof name === 'string' ? name : '';
}

/** The item did not meet the condition. That is a result, not a failure. */
export function isConditionFailed(error: unknown): error is { Item?: unknown } {
  return errorNameOf(error) === 'ConditionalCheckFailedException';
}

/** Another call is changing an item, for example a renewal of the lease: trying again helps. */
export function isConflict(error: unknown): boolean {
  const name = errorNameOf(error);
  if (name === 'TransactionConflictException' || name === 'TransactionInProgressException') return true;
  const codes = (cancellationsOf(error) ?? []).map(({ Code = 'None' }) => Code);
  return (
    codes.includes('TransactionConflict') &&
    codes.every((code) => code === 'TransactionConflict' || code === 'None')
  );
}

/** The reasons of a canceled transaction, one for each of its items in their order. */
export function cancellationsOf(error: unknown): readonly { Code?: string }[] | undefined {
  if (errorNameOf(error) !== 'TransactionCanceledException') return undefined;
  const { CancellationReasons } = error as { CancellationReasons?: { Code?: string }[] };
  return CancellationReasons ?? [];
}

const THROTTLED =
  'DynamoDB throttles the table or the account. Switch the table to on-demand capacity, or raise its provisioned capacity.';
const CREDENTIALS =
  'DynamoDB does not accept the credentials of the client: they are missing, expired or belong to another account. Check the role of the function or instance.';
const SENTENCES: Readonly<Record<string, (table: string) => string>> = {
  ResourceNotFoundException: (table) =>
    `The table "${table}" does not exist in this region and account, or is still being created. Run migrate(client, { table }), or create it from tableDefinition().`,
  AccessDeniedException: (table) =>
    `The role of the client has no permission for the table "${table}". Allow dynamodb:PutItem, UpdateItem, GetItem and DeleteItem; run() also needs the permissions for its handler's writes.`,
  ValidationException: (table) =>
    `DynamoDB refused an item of the table "${table}": its partition key must be "key", of type binary, and it must have no sort key. Create the store's own table with migrate().`,
  ProvisionedThroughputExceededException: () => THROTTLED,
  ThrottlingException: () => THROTTLED,
  RequestLimitExceeded: () => THROTTLED,
  ReplicatedWriteConflictException: (table) =>
    `Another region writes to the table "${table}". Route all deliveries of an endpoint to one region, because a global table can't prevent that two regions claim a delivery.`,
  TransactionConflictException: () =>
    'Other transactions changed the item repeatedly. The sender will retry.',
  TransactionInProgressException: () =>
    'Other transactions changed the item repeatedly. The sender will retry.',
  UnrecognizedClientException: () => CREDENTIALS,
  InvalidSignatureException: () => CREDENTIALS,
  ExpiredTokenException: () => CREDENTIALS,
  CredentialsProviderError: () => CREDENTIALS,
};

/** What went wrong between store and DynamoDB, as verifiers report it. */
export function storeError(error: unknown, table: string): WebhookError {
  if (isWebhookError(error)) return error;
  const name = errorNameOf(error);
  const sentence = Object.hasOwn(SENTENCES, name) ? SENTENCES[name]?.(table) : undefined;
  const { $metadata } = (error ?? {}) as { $metadata?: { httpStatusCode?: number } };
  const unknown =
    $metadata?.httpStatusCode === undefined
      ? 'DynamoDB could not be reached. See "cause" for the reason.'
      : `DynamoDB refused a call of the store (${name || 'no name'}). See "cause" for the reason.`;
  return unavailable(sentence ?? unknown, error);
}

export function overdue(timeoutMs: number): WebhookError {
  return unavailable(`DynamoDB did not respond within the ${timeoutMs} ms of "timeoutMs".`);
}

// Only the name and the message of the cause: the SDK's errors contain the response, and the item that did not meet a condition.
function unavailable(sentence: string, reason?: unknown): WebhookError {
  const cause =
    reason === undefined
      ? undefined
      : Object.assign(new Error(reason instanceof Error ? reason.message : String(reason)), {
          name: errorNameOf(reason) || 'Error',
        });
  return new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', sentence, { cause });
}
