import { createHash, createSign, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createVerifier, isWebhookError, replayRecord } from '@countersign/core';
import { circle, circleKeys, ebay, ebayKeys } from '@countersign/schemes/jwt';
import { describe, expect, test } from 'vitest';
import { clockAt } from '../../../../test/support/outcome.ts';

const NOW = 1_900_000_000;
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).toString('base64');
const KEY_ID = '879dc113-5ca4-4ff7-a6b7-54652083fcf8';
const EBAY_BODY = (id: string, attempt = 1) =>
  JSON.stringify({
    metadata: { topic: 'X' },
    notification: { notificationId: id, publishAttemptCount: attempt },
  });
const CIRCLE_BODY = (id: string, attempt = 1) => JSON.stringify({ notificationId: id, attempt });

const SENDERS = {
  Circle: {
    scheme: circle(),
    keys: (fetchKey: (id: string) => Promise<string | undefined>) =>
      circleKeys({
        fetchKey: async (id) => {
          const publicKey = await fetchKey(id);
          return publicKey === undefined ? undefined : { id, algorithm: 'ECDSA_SHA_256', publicKey };
        },
      }),
    body: CIRCLE_BODY,
    headers: (body: string, key = pair.privateKey, keyId = KEY_ID) => ({
      'x-circle-key-id': keyId,
      'x-circle-signature': sign('sha256', Buffer.from(body), key).toString('base64'),
    }),
  },
  eBay: {
    scheme: ebay(),
    keys: (fetchKey: (id: string) => Promise<string | undefined>) =>
      ebayKeys({
        fetchKey: async (id) => {
          const key = await fetchKey(id);
          // As eBay returns it: without line breaks.
          return key === undefined
            ? undefined
            : {
                key: `-----BEGIN PUBLIC KEY-----${key}-----END PUBLIC KEY-----`,
                algorithm: 'ECDSA',
                digest: 'SHA1',
              };
        },
      }),
    body: EBAY_BODY,
    headers: (body: string, key = pair.privateKey, kid = KEY_ID) => {
      const signature = createSign('SHA1').update(body).sign(key, 'base64');
      const json = JSON.stringify({ alg: 'ECDSA', kid, signature, digest: 'SHA1' });
      return { 'x-ebay-signature': Buffer.from(json).toString('base64') };
    },
  },
} as const;

describe.each(Object.entries(SENDERS))(
  '%s, by its documented formula',
  (_, { scheme, keys, body, headers }) => {
    const open = (asked: string[] = [], answer = spki(pair.publicKey)) =>
      createVerifier({
        scheme,
        secrets: keys(async (id) => {
          asked.push(id);
          return id === KEY_ID ? answer : undefined;
        }),
        clock: clockAt(NOW),
        replay: false,
      });
    const outcome = async (
      verifier: ReturnType<typeof open>,
      request: { headers: Record<string, string>; body: string },
    ) => {
      try {
        return await verifier.verify({ headers: request.headers, body: Buffer.from(request.body) });
      } catch (error) {
        if (isWebhookError(error)) return error.code.replace('ERR_WEBHOOK_', '');
        throw error;
      }
    };

    test('asks once for the key that a delivery names', async () => {
      const asked: string[] = [];
      await using verifier = open(asked);
      for (const id of ['a', 'b'])
        expect(await outcome(verifier, { headers: headers(body(id)), body: body(id) })).toMatchObject({
          bodyAuthenticated: true,
          key: { id: KEY_ID },
        });
      expect(asked).toEqual([KEY_ID]);
    });

    test('is one delivery in every try', async () => {
      await using verifier = open();
      const keyOf = async (text: string) => {
        const webhook = await outcome(verifier, { headers: headers(text), body: text });
        if (typeof webhook === 'string') throw new Error(webhook);
        return replayRecord(webhook).key;
      };
      expect(await keyOf(body('a', 2))).toBe(await keyOf(body('a')));
      expect(await keyOf(body('b'))).not.toBe(await keyOf(body('a')));
    });

    test('refuses another body and another key, and asks for no id that could change a path', async () => {
      const asked: string[] = [];
      await using verifier = open(asked);
      expect(await outcome(verifier, { headers: headers(body('a')), body: body('b') })).toBe(
        'SIGNATURE_MISMATCH',
      );
      expect(
        await outcome(verifier, { headers: headers(body('a'), other.privateKey), body: body('a') }),
      ).toBe('SIGNATURE_MISMATCH');
      for (const id of ['../secrets', 'a/b', 'x'.repeat(129)])
        await outcome(verifier, { headers: headers(body('a'), pair.privateKey, id), body: body('a') });
      expect(asked.every((id) => id === KEY_ID)).toBe(true);
    });

    test('takes no other kind of key', async () => {
      const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
      for (const answer of [spki(rsa), 'AAAA', '']) {
        await using verifier = open([], answer);
        expect(await outcome(verifier, { headers: headers(body('a')), body: body('a') })).not.toMatchObject({
          scheme: scheme.name,
        });
      }
    });
  },
);

describe('ebay()', () => {
  const endpoint = 'https://example.com/hooks/ebay';
  const verificationToken = 'a-token_of-32-letters-or-more-0123456789';

  test('answers its challenge, and no other request', async () => {
    const scheme = ebay({ endpoint, verificationToken });
    await using verifier = createVerifier({ scheme, secrets: ebayKeys({ fetchKey: async () => undefined }) });
    const get = (query: string, method = 'GET') =>
      verifier.handle(
        { method, url: `/hooks/ebay${query}`, headers: {}, body: Buffer.alloc(0) },
        () => undefined,
      );
    const code = 'a8628072-3d33-45ee-9004-bee86830a22d';
    const challengeResponse = createHash('sha256')
      .update(`${code}${verificationToken}${endpoint}`)
      .digest('hex');
    expect(await get(`?challenge_code=${code}`)).toMatchObject({
      status: 200,
      body: JSON.stringify({ challengeResponse }),
    });
    for (const query of [
      '',
      '?challenge_code=',
      `?challenge_code=${code}&challenge_code=x`,
      '?challenge_code=%7B%7D',
    ])
      expect((await get(query)).status).toBeGreaterThanOrEqual(400);
    expect((await get(`?challenge_code=${code}`, 'POST')).status).toBeGreaterThanOrEqual(400);
  });

  test.each([
    { endpoint },
    { verificationToken },
    { endpoint, verificationToken: 'short' },
    { endpoint: 'x', verificationToken },
    { token: 'x' },
  ])('refuses options: %j', (options) => {
    expect(() => ebay(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });

  test.each(['', 'x', Buffer.from('{}').toString('base64'), Buffer.from('{"kid":"a"}').toString('base64')])(
    'refuses a malformed header: %j',
    async (text) => {
      await using verifier = createVerifier({
        scheme: ebay(),
        secrets: ebayKeys({ fetchKey: async () => undefined }),
      });
      await expect(
        verifier.verify({ headers: { 'x-ebay-signature': text }, body: Buffer.from('{}') }),
      ).rejects.toMatchObject({ code: 'ERR_WEBHOOK_HEADER_INVALID' });
    },
  );
});
