import { createSecretKey } from 'node:crypto';
import { createVerifier, type Scheme, type WebhookError } from '@countersign/core';
import { describe, expect, it } from 'vitest';

const NOW = 1_763_600_000_000;

/** A scheme of one's own that says within which bounds its signatures count. */
function bounded(where: 'head' | 'match', validity: { notBefore?: number; notAfter?: number }): Scheme {
  return {
    name: 'bounded',
    keyFormat: 'bounded',
    freshness: { signed: 'none' },
    delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
    importKey: (secret) => createSecretKey(Buffer.from(secret)),
    parseHead: () => ({
      ...(where === 'head' ? validity : {}),
      match: (_body, [key]) =>
        key && {
          ...(where === 'match' ? validity : {}),
          key: { id: key.id, role: key.role },
          identity: 'body',
          bodyAuthenticated: true,
          unsignedHeaders: {},
        },
    }),
  } as Scheme;
}

async function outcome(scheme: Scheme): Promise<string> {
  const clock = { now: () => NOW, monotonic: () => 0, schedule: () => () => undefined };
  await using verifier = createVerifier({
    scheme,
    secrets: 'a-signing-secret-of-32-characters',
    clock,
    replay: false,
  });
  await verifier.ready();
  return verifier.verify({ headers: {}, body: Buffer.from('{}') }).then(
    () => 'accepted',
    (error: WebhookError) => error.code,
  );
}

describe.each(['head', 'match'] as const)('the bounds of a signature, known from the %s,', (where) => {
  it.each([
    ['hold now', { notBefore: NOW, notAfter: NOW }, 'accepted'],
    ['are over', { notAfter: NOW - 1 }, 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD'],
    ['are to come', { notBefore: NOW + 1 }, 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW'],
    ['end at no time', { notAfter: Number.NaN }, 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD'],
    ['begin at no time', { notBefore: Number.NaN }, 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW'],
  ])('%s', async (_, validity, expected) => {
    expect(await outcome(bounded(where, validity))).toBe(expected);
  });
});
