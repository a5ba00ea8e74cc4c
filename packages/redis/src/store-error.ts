import { isWebhookError, WebhookError } from '@countersign/core';

/** What the first word of an answer means for the operator. */
const ANSWERS: Readonly<Record<string, string>> = {
  OOM: 'Redis is out of memory and refuses to write. Give it more, or remove what else is in it; do not let it evict replay records.',
  READONLY:
    'This Redis is a replica, which takes no writes. Connect to the master, through Sentinel or the cluster.',
  MASTERDOWN:
    'This Redis is a replica without its master. Connect to the master, through Sentinel or the cluster.',
  LOADING: 'Redis is loading its data after a start.',
  CLUSTERDOWN: 'The Redis cluster is down: some of its slots are served by nobody.',
  MOVED:
    'The key belongs to another node of the Redis cluster. Give the store a client that knows the cluster.',
  ASK: 'The key is moving to another node of the Redis cluster. Give the store a client that knows the cluster.',
  TRYAGAIN: 'The key is moving to another node of the Redis cluster.',
  BUSY: 'Redis is busy with a script of somebody else.',
  NOREPLICAS: 'Redis takes no writes: too few replicas follow it (min-replicas-to-write).',
  MISCONF: 'Redis takes no writes, since it can not save its data. Its log says why.',
  NOAUTH: 'Redis wants a password. Give the client its credentials.',
  WRONGPASS: 'Redis refuses the credentials of the client.',
  NOPERM:
    'The Redis user of the client may not do this. It needs EVALSHA, EVAL, GET, SET and PTTL on the keys with this prefix.',
  WRONGTYPE: 'A key of the replay store holds something else. Give the store a prefix of its own.',
  COUNTERSIGN: 'A key of the replay store holds something else. Give the store a prefix of its own.',
};
const UNREACHABLE = 'Redis can not be reached, or the connection broke off.';

/** Everything that a client throws, as `ERR_WEBHOOK_STORE_UNAVAILABLE` with a sentence for the operator. */
export function storeError(error: unknown): WebhookError {
  if (isWebhookError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const word = /^[A-Z]+/.exec(message)?.[0] ?? '';
  return unavailable(Object.hasOwn(ANSWERS, word) ? (ANSWERS[word] ?? UNREACHABLE) : UNREACHABLE, message);
}

export function overdue(timeoutMs: number): WebhookError {
  return unavailable(`Redis did not answer within ${timeoutMs} ms.`);
}

export function strangeAnswer(): WebhookError {
  return unavailable(
    'The answer is none that a script of the replay store gives. "sendCommand" must give what the server answers, as it is.',
  );
}

// Of the cause only its text: a client's errors carry the command with all its arguments, credentials among them.
function unavailable(sentence: string, reason?: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', sentence, {
    cause: reason === undefined ? undefined : new Error(reason),
  });
}
