import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { googleChat, googleChatKeys, jiraConnect, monday } from '@countersign/schemes/jwt';
import { describe, expect, test } from 'vitest';
import { judgeAt, outcomeAt } from '../support/jwt/judge.ts';
import { signToken } from '../support/jwt/sign-token.ts';

// Its declarations would bring those of a web framework into every file here.
const atlassian = createRequire(import.meta.url)('atlassian-jwt') as {
  encodeSymmetric(claims: object, secret: string): string;
  createQueryStringHash(request: object, checkBody: boolean, baseUrl: string): string;
  fromMethodAndUrl(method: string, url: string): object;
};

const NOW = 1_900_000_000;
const SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a4968';
const body = Buffer.from('{"issue":{"key":"A-1"}}');

describe('jiraConnect()', () => {
  const baseUrl = 'https://app.example.com/base';
  const scheme = jiraConnect({ baseUrl });
  const secrets = { current: { id: 'client-1', secret: SECRET } };
  const tokenFor = (method: string, url: string, claims: object = {}) =>
    atlassian.encodeSymmetric(
      {
        iss: 'client-1',
        iat: NOW,
        exp: NOW + 180,
        qsh: atlassian.createQueryStringHash(atlassian.fromMethodAndUrl(method, url), false, baseUrl),
        ...claims,
      },
      SECRET,
    );
  const outcome = (token: string, target = '/base/hooks/issue', method = 'POST', prefix = 'JWT ') =>
    outcomeAt(
      NOW,
      { scheme, secrets, publicUrl: `https://app.example.com${target.split('?')[0]}` },
      { method, url: target, headers: { authorization: `${prefix}${token}` }, body },
    );

  test.each([
    '/base/hooks/issue',
    '/base/hooks/issue?user_id=admin&user_key=ab+c%20d',
    '/base/hooks/issue?b=2&a=1&b=1&a=%C3%A9!*%27()',
    '/base/hooks/a&b?x=1,2&x=3',
    '/base',
    '/base/hooks/',
    '/elsewhere?x=',
  ])('accepts what its library signs for %s', async (target) => {
    expect(await outcome(tokenFor('POST', target), target)).toBe('accepted');
  });

  test('covers method, path and query, and not the body', async () => {
    const target = '/base/hooks/issue?a=1';
    const token = tokenFor('POST', target);
    expect(await outcome(token, target)).toBe('accepted');
    for (const [other, method] of [
      ['/base/hooks/issue?a=2', 'POST'],
      ['/base/hooks/issue', 'POST'],
      ['/base/hooks/other?a=1', 'POST'],
      [target, 'PUT'],
    ] as const)
      expect(await outcome(token, other, method)).toBe('SIGNATURE_MISMATCH');
    const options = { scheme, secrets, publicUrl: 'https://app.example.com/base/hooks/issue' };
    const request = { method: 'POST', url: target, headers: { authorization: `JWT ${token}` }, body };
    expect(await judgeAt(NOW, options, request)).toMatchObject({
      bodyAuthenticated: false,
      key: { id: 'client-1' },
    });
  });

  test.each<[string, object, string]>([
    ['a token for pages', { qsh: 'context-qsh' }, 'SIGNATURE_MISMATCH'],
    ['no hash of the request', { qsh: undefined }, 'HEADER_INVALID'],
    ['no end', { exp: undefined }, 'HEADER_INVALID'],
    ['no time', { iat: undefined }, 'HEADER_INVALID'],
    ['an old one', { iat: NOW - 301 }, 'TIMESTAMP_TOO_OLD'],
  ])('refuses %s', async (_, claims, code) => {
    expect(await outcome(tokenFor('POST', '/base/hooks/issue', claims))).toBe(code);
  });

  test('refuses another word before the token, and a query that can not be decoded', async () => {
    expect(await outcome(tokenFor('POST', '/base/hooks/issue'), undefined, undefined, 'Bearer ')).toBe(
      'HEADER_INVALID',
    );
    expect(await outcome(tokenFor('POST', '/base/hooks/issue'), '/base/hooks/issue?a=%FF')).toBe(
      'HEADER_INVALID',
    );
  });
});

describe('monday()', () => {
  const audience = 'https://example.com/hooks/monday';
  const outcome = (claims: object, secret = SECRET) =>
    outcomeAt(
      NOW,
      { scheme: monday({ audience }), secrets: SECRET },
      {
        headers: { authorization: signToken({ header: { alg: 'HS256', typ: 'JWT' }, claims }, secret) },
        body,
      },
    );
  const claims = { accountId: 1, userId: 2, aud: audience, exp: NOW + 300 };

  test('accepts a token for this endpoint alone', async () => {
    expect(await outcome(claims)).toBe('accepted');
    expect(await outcome({ ...claims, aud: 'https://example.com/other' })).toBe('SIGNATURE_MISMATCH');
    expect(await outcome({ ...claims, aud: undefined })).toBe('HEADER_INVALID');
    expect(await outcome({ ...claims, exp: undefined })).toBe('HEADER_INVALID');
    expect(await outcome({ ...claims, exp: NOW - 10 })).not.toBe('accepted');
    expect(await outcome(claims, `${SECRET}x`)).toBe('SIGNATURE_MISMATCH');
  });

  test('needs its audience', () => {
    expect(() => monday({} as never)).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });
});

describe('googleChat()', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const secrets = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString().trim();
  const url = 'https://example.com/hooks/chat';
  const ofUrl = {
    iss: 'https://accounts.google.com',
    aud: url,
    email: 'chat@system.gserviceaccount.com',
    email_verified: true,
    iat: NOW,
    exp: NOW + 3600,
  };
  const ofProject = { iss: 'chat@system.gserviceaccount.com', aud: '1234567890', iat: NOW, exp: NOW + 3600 };
  const outcome = (audience: string, claims: object, more: object = {}) =>
    outcomeAt(
      NOW,
      { scheme: googleChat({ audience, ...more }), secrets },
      {
        headers: {
          authorization: `Bearer ${signToken({ header: { alg: 'RS256' }, claims }, pair.privateKey)}`,
        },
        body,
      },
    );

  test('accepts the one kind of token that its audience calls for', async () => {
    expect(await outcome(url, ofUrl)).toBe('accepted');
    expect(await outcome('1234567890', ofProject)).toBe('accepted');
    expect(await outcome(url, { ...ofProject, aud: url })).toBe('SIGNATURE_MISMATCH');
    expect(await outcome('1234567890', { ...ofUrl, aud: '1234567890' })).toBe('SIGNATURE_MISMATCH');
  });

  test('refuses tokens of other accounts and for other apps', async () => {
    expect(await outcome(url, { ...ofUrl, email: 'evil@acme.iam.gserviceaccount.com' })).toBe(
      'SIGNATURE_MISMATCH',
    );
    expect(await outcome(url, { ...ofUrl, email_verified: false })).toBe('SIGNATURE_MISMATCH');
    expect(await outcome(url, { ...ofUrl, email: undefined })).toBe('HEADER_INVALID');
    expect(await outcome(url, { ...ofUrl, aud: 'https://example.com' })).toBe('SIGNATURE_MISMATCH');
    expect(await outcome('1234567890', { ...ofProject, aud: '2' })).toBe('SIGNATURE_MISMATCH');
    const email = 'service-1@gcp-sa-gsuiteaddons.iam.gserviceaccount.com';
    expect(await outcome(url, { ...ofUrl, email }, { serviceAccountEmail: email })).toBe('accepted');
  });

  test('asks each issuer for its own keys', async () => {
    const asked: string[] = [];
    const fetch = async (address: string) => {
      asked.push(address);
      return new Response('{}', { status: 500 });
    };
    for (const audience of [url, '1234567890'])
      await expect(
        googleChatKeys({ audience, fetch }).load({ signal: new AbortController().signal, reason: 'manual' }),
      ).rejects.toThrow();
    expect(asked).toEqual([
      'https://www.googleapis.com/oauth2/v3/certs',
      'https://www.googleapis.com/service_accounts/v1/jwk/chat@system.gserviceaccount.com',
    ]);
  });

  test.each([
    {},
    { audience: '' },
    { audience: 'example.com' },
    { audience: '1', serviceAccountEmail: 'x@y' },
  ])('refuses options: %j', (options) => {
    expect(() => googleChat(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });
});
