import { isWebhookError, WebhookError, type WebhookErrorCode } from '@countersign/core';

/** What the code of a reply means for the operator. */
const REPLIES: Readonly<Record<string, string>> = {
  OOM: 'Redis is out of memory and refused a write. Give it more memory or remove other data; do not let it evict replay records.',
  READONLY:
    'This Redis is a replica, which takes no writes. Connect to the master, through Sentinel or the cluster.',
  MASTERDOWN:
    'This Redis is a replica without its master. Connect to the master, through Sentinel or the cluster.',
  LOADING: 'Redis is loading its data after a start.',
  CLUSTERDOWN:
    'The Redis cluster is down: no node serves some of its slots. Set cluster-require-full-coverage to "no" so that the other slots are served.',
  MOVED:
    'The key belongs to another node of the Redis cluster. Give the store a client that knows the cluster.',
  ASK: 'The key is moving to another node of the Redis cluster. Give the store a client that knows the cluster.',
  TRYAGAIN: 'The key is moving to another node of the Redis cluster.',
  BUSY: "Redis is busy running another client's script.",
  NOREPLICAS:
    'Redis takes no writes: it has too few connected replicas for its min-replicas-to-write. Check the replicas.',
  MISCONF: "Redis takes no writes because it can't save its data. Look into its log.",
  NOAUTH: 'Redis needs a password. Give the client its credentials.',
  WRONGPASS: 'Redis refuses the credentials of the client. Check its user and password.',
  NOPERM:
    'The Redis user of the client is not allowed to do this. Allow EVALSHA, EVAL, GET, SET, PTTL, PEXPIRE and DEL on the keys with this prefix.',
  WRONGTYPE:
    'A key of the replay store contains something else. Give the store a prefix that no other application uses.',
  COUNTERSIGN:
    'A key of the replay store contains something else. Give the store a prefix that no other application uses.',
  'unknown command':
    'This Redis does not have a command that the store needs. Use a server or proxy that allows EVALSHA and EVAL, from Redis 6.2.',
  'max number of clients':
    'Redis has reached its maximum number of clients. Raise maxclients, or open fewer connections.',
};

const LOST =
  'The connection to Redis was lost. If Redis closes every new connection at once, raise its maxclients; its log names other reasons.';

/** What a system error means for the operator. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    'Nothing accepts connections at the address of the Redis client. Check that Redis is running, and the host and port of the client.',
  ENOTFOUND: 'The host name of Redis does not exist. Check the host of the client.',
  EAI_AGAIN: 'The host name of Redis could not be looked up. Check the DNS of this machine.',
  ECONNRESET: LOST,
  EPIPE: LOST,
  ETIMEDOUT: 'Redis did not accept a connection in time. Check the network and the host of the client.',
  EHOSTUNREACH: 'There is no route to Redis. Check the network and the host of the client.',
};

/**
 * Turns everything that a client throws into an error with a sentence for the operator.
 *
 * @param lastError Why the client lost its connection, if it says so.
 */
export function storeError(error: unknown, lastError?: unknown): WebhookError {
  if (isWebhookError(error)) return error;
  const found = meaningOf(error) ?? meaningOf(lastError);
  if (found !== undefined) return unavailable(`${found.sentence} (${found.code})`, error);
  if (isReply(textOf(error))) {
    return unavailable('Redis refused a command of the replay store. See "cause" for its reply.', error);
  }
  return unavailable(
    'Redis can\'t be reached, or the connection was lost. See "cause", and the "error" event of the client, for the reason.',
    error,
  );
}

/** A claim that a full Redis refused. Redis responds, and still recognizes duplicates. */
export function isFull(error: unknown): boolean {
  return meaningOf(error)?.code === 'OOM';
}

export function fullError(error: unknown): WebhookError {
  return failure('ERR_WEBHOOK_STORE_FULL', `${REPLIES.OOM} (OOM)`, error);
}

export function strangeReply(): WebhookError {
  return failure(
    'ERR_WEBHOOK_STORE_UNAVAILABLE',
    'Redis returned a reply that the store\'s scripts never return. "sendCommand" must return the server\'s reply unchanged.',
  );
}

function meaningOf(error: unknown): { sentence: string; code: string } | undefined {
  const text = textOf(error);
  for (const code of codesOf(error, text)) {
    const table = isReply(text) ? REPLIES : SYSTEM_ERRORS;
    const sentence = Object.hasOwn(table, code) ? table[code] : undefined;
    if (sentence !== undefined) return { sentence, code };
  }
  return undefined;
}

/** The codes that an error may have, the most telling one first. */
function codesOf(error: unknown, text: string): string[] {
  if (!isReply(text)) {
    const { code } = (error ?? {}) as { code?: unknown };
    return typeof code === 'string' ? [code] : [];
  }
  const codes: string[] = [];
  // Inside a script, Redis 7.0 has another message for a missing permission.
  if (/\bcan't run this command|\bno permissions\b/.test(text)) codes.push('NOPERM');
  for (const part of ['unknown command', 'max number of clients'])
    if (text.toLowerCase().includes(part)) codes.push(part);
  // Before 7.0, the reply to a script quotes the error of its command after a dash.
  const quoted = /(?:^|[\s:])-([A-Z]{2,})\b/.exec(text)?.[1];
  const own = /^[A-Z]+/.exec(text)?.[0];
  return [...codes, ...[quoted, own].filter((code) => code !== undefined)];
}

/** Replies begin with a code in capitals; errors of client libraries do not. */
function isReply(text: string): boolean {
  return /^-?[A-Z]{2,} /.test(text);
}

function textOf(error: unknown): string {
  if (error === undefined || error === null) return '';
  return error instanceof Error ? error.message : String(error);
}

function unavailable(sentence: string, error: unknown): WebhookError {
  return failure('ERR_WEBHOOK_STORE_UNAVAILABLE', sentence, error);
}

// Only the message of the cause: a client's errors contain the command with all its arguments, including credentials.
function failure(code: WebhookErrorCode, sentence: string, error?: unknown): WebhookError {
  return new WebhookError(code, sentence, {
    cause: error === undefined ? undefined : new Error(textOf(error)),
  });
}
