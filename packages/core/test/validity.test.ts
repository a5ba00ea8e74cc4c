import { createSecretKey } from 'node:crypto';
import { createVerifier, type Scheme, type WebhookError } from '@countersign/core';
import { describe, expect, it } from 'vitest';

type Freshness = Scheme['freshness'];
const NOW = 1_763_600_000_000;

/** A scheme of one's own that says within which bounds its signatures count. */
function bounded(
  where: 'head' | 'match' | 'refused',
  facts: { notBefore?: number; notAfter?: number; signedAt?: number },
  freshness: Freshness = { signed: 'none' },
): Scheme {
  return {
    name: 'bounded',
    keyFormat: 'bounded',
    freshness,
    delivery: {
      retries: where === 'refused' ? ['5xx'] : 'any-failure',
      idStableOverRetries: true,
      retrySignature: 'renewed',
    },
    importKey: (secret) => createSecretKey(Buffer.from(secret)),
    parseHead: () => ({
      ...(where === 'match' ? {} : facts),
      match: (_body, [key]) =>
        key &&
        where !== 'refused' && {
          ...(where === 'match' ? facts : {}),
          key: { id: key.id, role: key.role },
          identity: 'body',
          bodyAuthenticated: true,
          unsignedHeaders: {},
        },
    }),
  } as Scheme;
}

async function outcome(scheme: Scheme): Promise<'accepted' | WebhookError> {
  const clock = { now: () => NOW, monotonic: () => 0, schedule: () => () => undefined };
  await using verifier = createVerifier({
    scheme,
    secrets: 'a-signing-secret-of-32-characters',
    clock,
    replay: false,
  });
  await verifier.ready();
  return verifier.verify({ headers: {}, body: Buffer.from('{}') }).then(
    () => 'accepted' as const,
    (error: WebhookError) => error,
  );
}

describe.each(['head', 'match'] as const)('the bounds of a signature, known from the %s,', (where) => {
  it.each([
    ['hold now', { notBefore: NOW, notAfter: NOW }, 'accepted'],
    ['hold to the end of this moment', { notAfter: NOW }, 'accepted'],
    ['hold from this moment on', { notBefore: NOW }, 'accepted'],
    ['are over', { notAfter: NOW - 1 }, 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD'],
    ['are to come', { notBefore: NOW + 1 }, 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW'],
    ['end at no time', { notAfter: Number.NaN }, 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD'],
    ['begin at no time', { notBefore: Number.NaN }, 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW'],
  ])('%s', async (_, validity, expected) => {
    const result = await outcome(bounded(where, validity));
    expect(result === 'accepted' ? result : result.code).toBe(expected);
  });

  it('say for how long they have been over, if they can', async () => {
    const over = (notAfter: number) => outcome(bounded(where, { notAfter }));
    expect(await over(NOW - 4500)).toMatchObject({
      message: expect.stringMatching(/has expired 5 s ago\. /),
    });
    expect(await over(Number.NaN)).toMatchObject({ message: expect.stringMatching(/has expired\. /) });
  });
});

const HOUR = 3_600_000;
const timed: Freshness = { signed: 'header', past: 300, future: 300 };
const untimed: Freshness = { signed: 'none' };

// The sender retries 5xx only. 503 has a budget, which a request must not spend that no retry could save.
describe('the status of a request that is refused', () => {
  it.each<[string, Parameters<typeof bounded>[1], Freshness, number]>([
    ['has no time', {}, untimed, 503],
    ['ended an hour ago', { notAfter: NOW - HOUR }, untimed, 503],
    ['ended a day ago', { notAfter: NOW - 24 * HOUR }, untimed, 503],
    ['ended two days ago', { notAfter: NOW - 48 * HOUR }, untimed, 401],
    ['ended two days ago, at any time', { notAfter: NOW - 48 * HOUR, signedAt: NOW }, untimed, 401],
    ['ended two days ago, signed at no time', { notAfter: NOW - 48 * HOUR }, timed, 401],
    ['was signed an hour ago', { signedAt: NOW - HOUR }, timed, 503],
    ['was acceptable a day ago', { signedAt: NOW - 24 * HOUR - 300_000 }, timed, 503],
    ['was acceptable a day and a second ago', { signedAt: NOW - 24 * HOUR - 301_000 }, timed, 401],
    [
      'ended two days ago, signed an hour ago',
      { notAfter: NOW - 48 * HOUR, signedAt: NOW - HOUR },
      timed,
      401,
    ],
    [
      'ended an hour ago, signed two days ago',
      { notAfter: NOW - HOUR, signedAt: NOW - 48 * HOUR },
      timed,
      401,
    ],
  ])('that %s', async (_, facts, freshness, status) => {
    expect(await outcome(bounded('refused', facts, freshness))).toMatchObject({ status });
  });
});
