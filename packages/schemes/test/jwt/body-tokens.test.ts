import { generateKeyPairSync } from 'node:crypto';
import { isWebhookError, replayRecord, type VerifiedWebhook } from '@countersign/core';
import { defineJwtScheme, kinde, kindeKeys, tokenClaims, wix } from '@countersign/schemes/jwt';
import { describe, expect, test } from 'vitest';
import { judgeAt, outcomeAt } from '../support/jwt/judge.ts';
import { signToken } from '../support/jwt/sign-token.ts';

const NOW = 1_900_000_000;
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = (key: typeof pair.publicKey) => key.export({ type: 'spki', format: 'pem' }).toString().trim();

const SENDERS = {
  Wix: {
    scheme: wix(),
    claims: (id: string, attempt = 1) => ({
      data: JSON.stringify({ instanceId: id, data: '✅' }),
      iat: NOW + attempt,
      exp: NOW + 3600,
    }),
  },
  Kinde: {
    scheme: kinde(),
    claims: (id: string, attempt = 1) => ({ event_id: id, type: 'user.created', attempt }),
  },
} as const;

describe.each(Object.entries(SENDERS))('%s, whose body is the token', (_, { scheme, claims }) => {
  const secrets = { current: { id: 'k1', secret: pem(pair.publicKey) } };
  const tokenOf = (payload: object, header: object = { alg: 'RS256', kid: 'k1' }, key = pair.privateKey) =>
    signToken({ header: { ...header }, claims: payload }, key);
  const judge = (body: string) => judgeAt(NOW, { scheme, secrets }, { headers: {}, body: Buffer.from(body) });
  const outcome = (body: string) =>
    outcomeAt(NOW, { scheme, secrets }, { headers: {}, body: Buffer.from(body) });

  test('is accepted, and its claims are the delivery', async () => {
    const webhook = (await judge(tokenOf(claims('a')))) as VerifiedWebhook;
    expect(webhook).toMatchObject({ bodyAuthenticated: true, key: { id: 'k1' } });
    expect(tokenClaims(webhook)).toEqual(claims('a'));
  });

  test('is one delivery however often it is signed', async () => {
    const keyOf = async (payload: object) => {
      const webhook = await judge(tokenOf(payload));
      if (isWebhookError(webhook)) throw webhook;
      return replayRecord(webhook).key;
    };
    expect(await keyOf(claims('a', 2))).toBe(await keyOf(claims('a')));
    expect(await keyOf(claims('b'))).not.toBe(await keyOf(claims('a')));
  });

  test.each<[string, () => string, string]>([
    ['another key', () => tokenOf(claims('a'), undefined, other.privateKey), 'SIGNATURE_MISMATCH'],
    ['another algorithm', () => tokenOf(claims('a'), { alg: 'RS384' }), 'HEADER_INVALID'],
    [
      'no algorithm',
      () => `${tokenOf(claims('a'), { alg: 'none' }).split('.').slice(0, 2).join('.')}.`,
      'HEADER_INVALID',
    ],
    ['a line break at its end', () => `${tokenOf(claims('a'))}\n`, 'HEADER_INVALID'],
    ['a fourth part', () => `${tokenOf(claims('a'))}.AA`, 'HEADER_INVALID'],
    ['no token', () => '{"data":"x"}', 'HEADER_INVALID'],
    ['nothing', () => '', 'SIGNATURE_MISSING'],
    ['no claim that identifies it', () => tokenOf({ iat: NOW }), 'HEADER_INVALID'],
    [
      'claims of another event',
      () => {
        const [header, , signature] = tokenOf(claims('a')).split('.');
        return `${header}.${Buffer.from(JSON.stringify(claims('b'))).toString('base64url')}.${signature}`;
      },
      'SIGNATURE_MISMATCH',
    ],
  ])('is refused with %s', async (_, make, code) => {
    expect(await outcome(make())).toBe(code);
  });

  test('is judged by its own times', async () => {
    expect(await outcome(tokenOf({ ...claims('a'), exp: NOW - 10 }))).not.toBe('accepted');
    expect(await outcome(tokenOf({ ...claims('a'), nbf: NOW + 10 }))).not.toBe('accepted');
  });
});

test('a signed time in a token that is the body is checked after the match', async () => {
  const scheme = defineJwtScheme({
    name: 'acme',
    algorithms: ['RS256'],
    token: { body: true },
    time: 'iat',
    identity: { claim: 'id' },
    delivery: { retries: 'unknown', idStableOverRetries: true, retrySignature: 'renewed' },
  });
  const at = (iat: number) =>
    outcomeAt(
      NOW,
      { scheme, secrets: pem(pair.publicKey) },
      {
        headers: {},
        body: Buffer.from(signToken({ header: { alg: 'RS256' }, claims: { id: 'a', iat } }, pair.privateKey)),
      },
    );
  expect(await at(NOW - 300)).toBe('accepted');
  expect(await at(NOW - 301)).toBe('TIMESTAMP_TOO_OLD');
  expect(await at(NOW + 301)).toBe('TIMESTAMP_TOO_NEW');
});

const plain = {
  name: 'acme',
  algorithms: ['RS256'],
  token: { body: true },
  identity: { claim: 'id' },
  delivery: { retries: 'unknown', idStableOverRetries: true, retrySignature: 'renewed' },
};

test.each([
  { token: { body: true, header: 'authorization' } },
  { token: { body: false } },
  { bodyHash: { claim: 'sha256', encoding: 'hex' } },
  { keyId: 'iss' },
  { identity: { claim: '' } },
  { identity: { name: 'id' } },
  { token: { header: 'authorization' } },
  { requestHash: { claim: 'qsh' } },
  { requestHash: { claim: 'qsh', baseUrl: 'https://example.com' }, urlHash: { claim: 'u', encoding: 'hex' } },
])('a definition that contradicts itself is refused: %j', (changes) => {
  expect(() => defineJwtScheme({ ...plain, ...changes } as never)).toThrow(
    expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
  );
});

test('kindeKeys() takes a domain and nothing else', () => {
  for (const domain of ['', 'https://acme.kinde.com', 'acme.kinde.com/x', 'localhost', 'a b.c'])
    expect(() => kindeKeys({ domain })).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  expect(kindeKeys({ domain: 'acme.kinde.com' }).name).toContain(
    'https://acme.kinde.com/.well-known/jwks.json',
  );
});

test('tokenClaims() says that it is not for other webhooks', () => {
  expect(() => tokenClaims({ body: Buffer.from('{}') })).toThrow(
    expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
  );
});
