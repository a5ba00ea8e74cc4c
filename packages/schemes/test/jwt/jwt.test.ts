import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SecretProvider, VerifierOptions } from '@countersign/core';
import {
  defineJwtScheme,
  fusionAuth,
  googlePubSub,
  type JwtScheme,
  type JwtSchemeDefinition,
  liveKit,
  messageBird,
  netlify,
  plaid,
  upstashQStash,
  vonage,
} from '@countersign/schemes/jwt';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { judgeAt, outcomeAt } from '../support/jwt/judge.ts';
import { digestOf, signToken } from '../support/jwt/sign-token.ts';

const NOW = 1_800_000_000;
const SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a4968';
const OTHER = '0d1a0b5c79e42768fd50c1e2b3a49aaa';
const URL_ = 'https://example.com/hooks/acme';
const BODY = '{"id":"evt_1","text":"größer"}';
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const EC384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const ED = generateKeyPairSync('ed25519');
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString().trim();

const delivery = {
  retries: 'any-failure',
  idStableOverRetries: 'unknown',
  retrySignature: 'renewed',
} as const;
const rules = {
  name: 'acme',
  token: { header: 'acme-signature' },
  issuer: 'acme',
  audience: ['hooks', 'other hooks'],
  required: ['exp'],
  bodyHash: { claim: 'body_sha256', encoding: 'hex' },
  time: 'iat',
  identity: 'body',
  delivery,
} as const;
const hs = defineJwtScheme({ ...rules, algorithms: ['HS256'] });
const claims = (over: Record<string, unknown> = {}) => ({
  iss: 'acme',
  aud: 'hooks',
  iat: NOW,
  exp: NOW + 60,
  body_sha256: digestOf(BODY, 'hex'),
  ...over,
});
const request = (token: string, body = BODY) => ({
  headers: { 'acme-signature': token },
  body: Buffer.from(body),
});
const hsToken = (over: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
  signToken({ header: { alg: 'HS256', typ: 'JWT', ...header }, claims: claims(over) }, SECRET);

const outcomeOf = (
  token: string,
  body = BODY,
  scheme: JwtScheme = hs,
  secrets: VerifierOptions['secrets'] = SECRET,
) => outcomeAt(NOW, { scheme, secrets }, request(token, body));

describe('a token that is as it should be', () => {
  test.each([
    ['HS256', SECRET, SECRET],
    ['RS256', RSA.privateKey, pem(RSA.publicKey)],
    ['PS256', RSA.privateKey, pem(RSA.publicKey)],
    ['ES256', EC.privateKey, pem(EC.publicKey)],
    ['ES384', EC384.privateKey, pem(EC384.publicKey)],
    ['EdDSA', ED.privateKey, pem(ED.publicKey)],
  ] as const)('is accepted with %s, as the jose package signs it', async (alg, key, secret) => {
    const scheme = defineJwtScheme({ ...rules, algorithms: [alg] } as JwtSchemeDefinition);
    const signer = new SignJWT(claims()).setProtectedHeader({ alg, kid: 'anything' });
    const token = await signer.sign(typeof key === 'string' ? Buffer.from(key) : key);
    expect(await outcomeOf(token, BODY, scheme, secret)).toBe('accepted');
    expect(await outcomeOf(token, `${BODY} `, scheme, secret)).toBe('SIGNATURE_MISMATCH');
  });

  test('shows when it was signed, its id and that it covers the body', async () => {
    const outcome = await judgeAt(NOW, { scheme: hs, secrets: SECRET }, request(hsToken({ jti: 'one' })));
    expect(outcome).toMatchObject({ id: 'one', bodyAuthenticated: true, signedAt: new Date(NOW * 1000) });
  });

  test('may list its audience among others', async () => {
    expect(await outcomeOf(hsToken({ aud: ['else', 'other hooks'] }))).toBe('accepted');
  });

  test('matches any key of the set, and the one that did is named', async () => {
    const secrets = { current: OTHER, next: { id: 'next', secret: SECRET } };
    const outcome = await judgeAt(NOW, { scheme: hs, secrets }, request(hsToken()));
    expect(outcome).toMatchObject({ key: { id: 'next', role: 'next' } });
  });
});

describe('attacks on the algorithm', () => {
  const rs = defineJwtScheme({ ...rules, algorithms: ['RS256'] });

  test.each(['none', 'None', 'NONE', 'nOnE', '', 'HS256 ', 'hs256', 'HS384'])(
    '"%s" is refused',
    async (alg) => {
      const signed = hsToken({}, { alg });
      const [head, payload] = signed.split('.');
      for (const token of [signed, `${head}.${payload}.`, `${head}.${payload}`])
        expect(await outcomeOf(token)).toBe('HEADER_INVALID');
    },
  );

  test('a token under HS256 with the public key for a secret is refused', async () => {
    const text = pem(RSA.publicKey);
    for (const secret of [
      text,
      `${text}\n`,
      RSA.publicKey.export({ type: 'spki', format: 'der' }).toString(),
    ]) {
      const token = signToken({ header: { alg: 'HS256' }, claims: claims() }, secret);
      expect(await outcomeOf(token, BODY, rs, text)).toBe('HEADER_INVALID');
      const relabelled = signToken({ header: { alg: 'RS256' }, claims: claims() }, secret);
      expect(await outcomeOf(relabelled, BODY, rs, text)).toBe('SIGNATURE_MISMATCH');
    }
  });

  test('a public key, a certificate or a private key is not a shared secret, and no secret is a public key', async () => {
    const wrong = [
      pem(RSA.publicKey),
      '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
      RSA.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim(),
      Buffer.from(pem(RSA.publicKey)),
    ];
    for (const secret of wrong) expect(() => hs.importKey(secret)).toThrow(/shared secret/);
    const wrongPublic = [
      SECRET,
      RSA.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim(),
      Buffer.from(JSON.stringify(RSA.privateKey.export({ format: 'jwk' }))),
      Buffer.from(JSON.stringify({ kty: 'oct', k: Buffer.from(SECRET).toString('base64url') })),
    ];
    for (const secret of wrongPublic) expect(() => rs.importKey(secret)).toThrow(/not a public key/);
    expect(() => rs.importKey(pem(EC.publicKey))).toThrow(/not of the kind/);
    expect(() => rs.importKey(pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey))).toThrow(
      /not of the kind/,
    );
  });

  test('a definition that takes both kinds, "none", or nothing, is refused', () => {
    for (const algorithms of [['HS256', 'RS256'], ['none'], [], undefined, ['HS256', 'none']]) {
      const definition = { ...rules, algorithms } as unknown as JwtSchemeDefinition;
      expect(() => defineJwtScheme(definition)).toThrow(/"algorithms"/);
    }
  });

  test('a key in the token, or an address of one, is not looked at', async () => {
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = stranger.publicKey.export({ format: 'jwk' });
    const header = { alg: 'RS256', jwk, jku: 'https://evil.example/jwks', x5u: 'https://evil.example/x' };
    const token = signToken({ header, claims: claims() }, stranger.privateKey);
    expect(await outcomeOf(token, BODY, rs, pem(RSA.publicKey))).toBe('SIGNATURE_MISMATCH');
  });

  test('an algorithm of the definition counts only with the key it is for', async () => {
    const both = defineJwtScheme({ ...rules, algorithms: ['RS256', 'ES256'] });
    const token = signToken({ header: { alg: 'RS256' }, claims: claims() }, EC.privateKey);
    expect(await outcomeOf(token, BODY, both, pem(EC.publicKey))).toBe('SIGNATURE_MISMATCH');
    const right = signToken({ header: { alg: 'ES256' }, claims: claims() }, EC.privateKey);
    expect(await outcomeOf(right, BODY, both, pem(EC.publicKey))).toBe('accepted');
  });
});

describe('attacks on the form', () => {
  test('a token is one text: no padding, white space, further segment or other last character', async () => {
    const token = hsToken();
    const last = token.at(-1) ?? '';
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    // 32 bytes end in a character of which two bits are not used.
    const twin = alphabet[alphabet.indexOf(last) + 1] ?? '';
    const [head, payload, signature] = token.split('.');
    const variants = [
      `${token}=`,
      ` ${token}`,
      `${token}.`,
      `${token}.x`,
      `${head}.${payload}`,
      `${head}..${signature}`,
      `${token.slice(0, -1)}${twin}`,
      `${head}.${payload}.${Buffer.from(signature ?? '', 'base64url').toString('base64')}`,
      'x',
      `Bearer ${token}`,
      `${token},${token}`,
    ];
    expect(await outcomeOf(token)).toBe('accepted');
    for (const variant of variants) expect(await outcomeOf(variant), variant).toBe('HEADER_INVALID');
  });

  test.each([
    ['a list for claims', { header: { alg: 'HS256' }, claims: [] }],
    ['a text for claims', { header: { alg: 'HS256' }, claims: 'x' }],
    ['nothing for claims', { header: { alg: 'HS256' }, claims: null }],
    ['a critical extension', { header: { alg: 'HS256', crit: ['x'], x: 1 }, claims: claims() }],
    ['a payload not encoded', { header: { alg: 'HS256', b64: false, crit: ['b64'] }, claims: claims() }],
    ['no algorithm', { header: {}, claims: claims() }],
    ['a list of algorithms', { header: { alg: ['HS256'] }, claims: claims() }],
  ])('%s is refused', async (_, parts) => {
    expect(await outcomeOf(signToken(parts, SECRET))).toBe('HEADER_INVALID');
  });

  test('claims that are not UTF-8, or longer than a header can be, are refused', async () => {
    const raw = (payload: Buffer) => {
      const token = signToken({ header: { alg: 'HS256' }, claims: {} }, SECRET);
      return token.replace(/\.[^.]*\./, `.${payload.toString('base64url')}.`);
    };
    expect(await outcomeOf(raw(Buffer.from([0x7b, 0xff, 0x7d])))).toBe('HEADER_INVALID');
    expect(await outcomeOf(hsToken({ filler: 'x'.repeat(8000) }))).toBe('HEADER_INVALID');
  });

  test('a missing header, an empty one, and a repeated one', async () => {
    const options = { scheme: hs, secrets: SECRET };
    const body = Buffer.from(BODY);
    expect(await outcomeAt(NOW, options, { headers: {}, body })).toBe('SIGNATURE_MISSING');
    expect(await outcomeAt(NOW, options, request(''))).toBe('SIGNATURE_MISSING');
    const headers = ['acme-signature', hsToken(), 'Acme-Signature', hsToken()];
    expect(await outcomeAt(NOW, options, { headers, body })).toBe('HEADER_INVALID');
  });

  test('the text before the token must be exactly the prefix', async () => {
    const scheme = defineJwtScheme({
      ...rules,
      algorithms: ['HS256'],
      token: { header: 'authorization', prefix: 'Bearer ' },
    });
    for (const [prefix, expected] of Object.entries({
      'Bearer ': 'accepted',
      '': 'HEADER_INVALID',
      'bearer ': 'HEADER_INVALID',
      'Basic ': 'HEADER_INVALID',
      'Bearer  ': 'HEADER_INVALID',
    })) {
      const headers = { authorization: `${prefix}${hsToken()}` };
      const given = { headers, body: Buffer.from(BODY) };
      expect(await outcomeAt(NOW, { scheme, secrets: SECRET }, given), prefix).toBe(expected);
    }
  });
});

describe('claims', () => {
  test.each(['iss', 'aud', 'exp', 'iat', 'body_sha256'])('without "%s" it is refused', async (name) => {
    const parts = { header: { alg: 'HS256' }, claims: { ...claims(), [name]: undefined } };
    expect(await outcomeOf(signToken(parts, SECRET))).toBe('HEADER_INVALID');
  });

  test.each([
    ['iss', 'acme.evil.example'],
    ['iss', ['acme']],
    ['aud', 'hook'],
    ['aud', ['hook', 'hooks ']],
    ['aud', { 0: 'hooks' }],
  ])('another "%s" is refused: %o', async (name, value) => {
    expect(await outcomeOf(hsToken({ [name]: value }))).toBe('SIGNATURE_MISMATCH');
  });

  test("a property of an object's prototype is not a claim", async () => {
    const scheme = defineJwtScheme({ ...rules, algorithms: ['HS256'], required: ['toString', '__proto__'] });
    expect(await outcomeOf(hsToken(), BODY, scheme)).toBe('HEADER_INVALID');
  });

  test('fixed claims must have exactly their value', async () => {
    const scheme = defineJwtScheme({ ...rules, algorithms: ['HS256'], claims: { verified: true } });
    expect(await outcomeOf(hsToken({ verified: true }), BODY, scheme)).toBe('accepted');
    for (const verified of [false, 'true', 1])
      expect(await outcomeOf(hsToken({ verified }), BODY, scheme)).toBe('SIGNATURE_MISMATCH');
    expect(await outcomeOf(hsToken(), BODY, scheme)).toBe('HEADER_INVALID');
  });
});

describe("the body's digest", () => {
  const written = {
    hex: digestOf(BODY, 'hex'),
    base64: digestOf(BODY, 'base64'),
    base64url: digestOf(BODY, 'base64url'),
    'base64url with padding': `${digestOf(BODY, 'base64url')}=`,
    'upper-case hex': digestOf(BODY, 'hex').toUpperCase(),
    'hex with a blank': `${digestOf(BODY, 'hex')} `,
    'half of it': digestOf(BODY, 'hex').slice(0, 32),
    nothing: '',
    'a list': [digestOf(BODY, 'hex')],
    'a number': 0,
  };
  const right = {
    hex: ['hex'],
    base64: ['base64'],
    base64url: ['base64url', 'base64url with padding'],
  } as const;

  test.each(['hex', 'base64', 'base64url'] as const)(
    'in %s is accepted in no other form',
    async (encoding) => {
      const bodyHash = { claim: 'body_sha256', encoding } as const;
      const scheme = defineJwtScheme({ ...rules, algorithms: ['HS256'], bodyHash });
      for (const [form, value] of Object.entries(written)) {
        const accepted = (right[encoding] as readonly string[]).includes(form);
        const expected = accepted ? 'accepted' : 'SIGNATURE_MISMATCH';
        expect(await outcomeOf(hsToken({ body_sha256: value }), BODY, scheme), form).toBe(expected);
      }
    },
  );

  test('whose last character has unused bits set is another text', async () => {
    const bodyHash = { claim: 'body_sha256', encoding: 'base64' } as const;
    const scheme = defineJwtScheme({ ...rules, algorithms: ['HS256'], bodyHash });
    const digest = digestOf(BODY, 'base64');
    const next = String.fromCharCode(digest.charCodeAt(42) + 1);
    const twin = `${digest.slice(0, 42)}${next}=`;
    expect(Buffer.from(twin, 'base64')).toEqual(Buffer.from(digest, 'base64'));
    expect(await outcomeOf(hsToken({ body_sha256: twin }), BODY, scheme)).toBe('SIGNATURE_MISMATCH');
  });

  test('may be missing only from an empty body, and only if the definition says so', async () => {
    const bodyHash = { claim: 'body_sha256', encoding: 'hex', absentIfEmpty: true } as const;
    const scheme = defineJwtScheme({ ...rules, algorithms: ['HS256'], bodyHash });
    const bare = hsToken({ body_sha256: undefined });
    expect(await outcomeOf(bare, '', scheme)).toBe('accepted');
    expect(await outcomeOf(bare, ' ', scheme)).toBe('SIGNATURE_MISMATCH');
    expect(await outcomeOf(bare, '', hs)).toBe('HEADER_INVALID');
    expect(await outcomeOf(hsToken({ body_sha256: null }), '', scheme)).toBe('SIGNATURE_MISMATCH');
  });

  test('that is wrong makes no key be asked for', async () => {
    const loads: string[] = [];
    const secrets: SecretProvider = {
      name: 'counting',
      load: ({ reason }) => {
        loads.push(reason);
        return { current: SECRET };
      },
    };
    await outcomeAt(NOW, { scheme: hs, secrets }, request(hsToken(), 'other'));
    expect(loads).toEqual(['start']);
  });
});

describe('times, by the clock of the verifier', () => {
  const at = (seconds: number, token: string) =>
    outcomeAt(seconds, { scheme: hs, secrets: SECRET }, request(token));

  test('"exp" ends it, with a leeway', async () => {
    const token = hsToken({ exp: NOW + 60 });
    expect(await at(NOW + 64, token)).toBe('accepted');
    expect(await at(NOW + 65, token)).toBe('TIMESTAMP_TOO_OLD');
  });

  test('"nbf" begins it, with a leeway', async () => {
    const token = hsToken({ nbf: NOW });
    expect(await at(NOW - 5, token)).toBe('accepted');
    expect(await at(NOW - 6, token)).toBe('TIMESTAMP_TOO_NEW');
  });

  test('"iat" is checked both sides if it is the signed time, however late "exp" is', async () => {
    const token = hsToken({ exp: NOW + 1e9 });
    expect(await at(NOW + 300, token)).toBe('accepted');
    expect(await at(NOW + 301, token)).toBe('TIMESTAMP_TOO_OLD');
    expect(await at(NOW - 300, token)).toBe('accepted');
    expect(await at(NOW - 301, token)).toBe('TIMESTAMP_TOO_NEW');
  });

  test('"iat" in the future counts also if no time is checked', async () => {
    const { time: _, ...untimed } = rules;
    const scheme = defineJwtScheme({ ...untimed, algorithms: ['HS256'] });
    const token = hsToken({ exp: NOW + 1e9 });
    expect(await outcomeAt(NOW - 6, { scheme, secrets: SECRET }, request(token))).toBe('TIMESTAMP_TOO_NEW');
    expect(await outcomeAt(NOW + 1e8, { scheme, secrets: SECRET }, request(token))).toBe('accepted');
  });

  test.each(['exp', 'nbf', 'iat'])('"%s" that is not a number of seconds is refused', async (name) => {
    for (const value of [String(NOW), true, [NOW], { toString: 'x' }, -1, 1e300])
      expect(await outcomeOf(hsToken({ [name]: value }))).toBe('HEADER_INVALID');
  });
});

describe('the name of the key', () => {
  const es = defineJwtScheme({ ...rules, algorithms: ['ES256'] });
  const esToken = (kid: unknown) =>
    signToken({ header: { alg: 'ES256', kid }, claims: claims() }, EC.privateKey);

  test.each([
    '../../etc/passwd',
    '/etc/passwd',
    'a/b',
    '..',
    'x..y',
    "x' OR 1=1 --",
    'x\ny',
    '',
    'x'.repeat(129),
    0,
    ['x'],
    { id: 'x' },
    null,
  ])('is a plain id: %o is refused', async (kid) => {
    expect(await outcomeOf(esToken(kid), BODY, es, pem(EC.publicKey))).toBe('HEADER_INVALID');
  });

  test('selects among the keys: one that another key of the set made does not count for it', async () => {
    const second = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const secrets = {
      current: [
        { id: 'a', secret: pem(EC.publicKey) },
        { id: 'b', secret: pem(second.publicKey) },
      ],
    };
    expect(await outcomeOf(esToken('a'), BODY, es, secrets)).toBe('accepted');
    expect(await outcomeOf(esToken('b'), BODY, es, secrets)).toBe('SIGNATURE_MISMATCH');
    expect(await outcomeOf(esToken('c'), BODY, es, secrets)).toBe('accepted');
    expect(await outcomeOf(esToken(undefined), BODY, es, secrets)).toBe('accepted');
  });
});

describe('senders', () => {
  const seconds = NOW;
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const hsSigned = (header: Record<string, unknown>, payload: Record<string, unknown>) =>
    signToken({ header: { alg: 'HS256', typ: 'JWT', ...header }, claims: payload }, SECRET);

  /** What each would send, by its documented formula; and how its identity is made. */
  const SENT: Record<
    string,
    {
      scheme: JwtScheme;
      payload: Record<string, unknown>;
      header: (token: string) => Record<string, string>;
      without: readonly string[];
      status: number;
      identity?: 'body';
    }
  > = {
    vonage: {
      scheme: vonage(),
      payload: {
        iss: 'Vonage',
        iat: NOW,
        jti: 'j1',
        payload_hash: digestOf(BODY, 'hex'),
        api_key: 'a1',
        application_id: 'a2',
      },
      header: bearer,
      without: ['iss', 'iat', 'payload_hash'],
      status: 503,
    },
    messageBird: {
      scheme: messageBird(),
      payload: {
        iss: 'MessageBird',
        nbf: NOW,
        exp: NOW + 60,
        jti: 'j1',
        url_hash: digestOf(URL_, 'hex'),
        payload_hash: digestOf(BODY, 'hex'),
      },
      header: (token) => ({ 'messagebird-signature-jwt': token }),
      without: ['iss', 'nbf', 'exp', 'jti', 'url_hash'],
      status: 503,
    },
    netlify: {
      scheme: netlify(),
      payload: { iss: 'netlify', sha256: digestOf(BODY, 'hex') },
      header: (token) => ({ 'x-webhook-signature': token }),
      without: ['iss', 'sha256'],
      status: 503,
    },
    liveKit: {
      scheme: liveKit({ apiKey: 'APIabc' }),
      payload: { iss: 'APIabc', nbf: NOW, exp: NOW + 300, sha256: digestOf(BODY, 'base64') },
      header: (token) => ({ authorization: token }),
      without: ['iss', 'nbf', 'exp', 'sha256'],
      status: 429,
    },
    upstashQStash: {
      scheme: upstashQStash(),
      payload: {
        iss: 'Upstash',
        sub: URL_,
        iat: NOW,
        nbf: NOW,
        exp: NOW + 300,
        jti: 'jwt_1',
        body: `${digestOf(BODY, 'base64url')}=`,
      },
      header: (token) => ({ 'upstash-signature': token }),
      without: ['iss', 'sub', 'iat', 'nbf', 'exp', 'body'],
      status: 401,
    },
    fusionAuth: {
      scheme: fusionAuth({ key: 'hmac' }),
      payload: { request_body_sha256: digestOf(BODY, 'base64') },
      header: (token) => ({ 'x-fusionauth-signature-jwt': token }),
      without: ['request_body_sha256'],
      status: 401,
    },
  };

  test.each(Object.entries(SENT))('%s', async (_, { scheme, payload, header, without, status }) => {
    const publicUrl = URL_;
    const options = { scheme, secrets: SECRET, publicUrl };
    const body = Buffer.from(BODY);
    const url = '/internal/path';
    const outcome = await judgeAt(seconds, options, { headers: header(hsSigned({}, payload)), body, url });
    expect(outcome).toMatchObject({ bodyAuthenticated: true, key: { role: 'current' } });
    const tampered = { headers: header(hsSigned({}, payload)), body: Buffer.from(`${BODY}\n`), url };
    expect(await judgeAt(seconds, options, tampered)).toMatchObject({
      code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
      status,
    });
    const foreign = signToken({ header: { alg: 'HS256' }, claims: payload }, OTHER);
    expect(await outcomeAt(seconds, options, { headers: header(foreign), body, url })).toBe(
      'SIGNATURE_MISMATCH',
    );
    for (const name of without) {
      const headers = header(hsSigned({}, { ...payload, [name]: undefined }));
      expect(await outcomeAt(seconds, options, { headers, body, url }), name).toBe('HEADER_INVALID');
    }
    if (scheme.needsPublicUrl === true) {
      const queried = { headers: header(hsSigned({}, payload)), body, url: '/internal/path?x=1' };
      expect(await outcomeAt(seconds, options, queried)).toBe('SIGNATURE_MISMATCH');
      await expect(judgeAt(seconds, { scheme, secrets: SECRET }, queried)).rejects.toThrow(/publicUrl/);
    }
  });

  test('plaid', async () => {
    const payload = { iat: NOW, request_body_sha256: digestOf(BODY, 'hex') };
    const headers = {
      'plaid-verification': signToken({ header: { alg: 'ES256', kid: 'k' }, claims: payload }, EC.privateKey),
    };
    const options = { scheme: plaid(), secrets: pem(EC.publicKey) };
    expect(await outcomeAt(NOW, options, { headers, body: Buffer.from(BODY) })).toBe('accepted');
    expect(await outcomeAt(NOW + 301, options, { headers, body: Buffer.from(BODY) })).toBe(
      'TIMESTAMP_TOO_OLD',
    );
    expect(await outcomeAt(NOW, options, { headers, body: Buffer.from('x') })).toBe('SIGNATURE_MISMATCH');
  });

  test.each([
    ['rsa', 'RS256', RSA],
    ['ec', 'ES256', EC],
  ] as const)('fusionAuth with a key of the kind %s takes no shared secret', async (key, alg, pair) => {
    const payload = { request_body_sha256: digestOf(BODY, 'base64') };
    const token = signToken({ header: { alg, kid: 'k' }, claims: payload }, pair.privateKey);
    const given = (text: string) => ({
      headers: { 'x-fusionauth-signature-jwt': text },
      body: Buffer.from(BODY),
    });
    const options = { scheme: fusionAuth({ key }), secrets: pem(pair.publicKey) };
    expect(await outcomeAt(NOW, options, given(token))).toBe('accepted');
    const forged = signToken({ header: { alg: 'HS256' }, claims: payload }, pem(pair.publicKey));
    expect(await outcomeAt(NOW, options, given(forged))).toBe('HEADER_INVALID');
    expect(() => fusionAuth({} as never)).toThrow(/"key"/);
  });

  test('googlePubSub identifies the sender and shows that the body is not signed', async () => {
    const scheme = googlePubSub({ audience: URL_, serviceAccountEmail: 'push@acme.example' });
    const payload = {
      iss: 'https://accounts.google.com',
      aud: URL_,
      email: 'push@acme.example',
      email_verified: true,
      iat: NOW,
      exp: NOW + 3600,
    };
    const options = { scheme, secrets: pem(RSA.publicKey) };
    const given = (over: Record<string, unknown>) => ({
      headers: bearer(
        signToken({ header: { alg: 'RS256', kid: 'g' }, claims: { ...payload, ...over } }, RSA.privateKey),
      ),
      body: Buffer.from(BODY),
    });
    expect(await judgeAt(NOW + 3600, options, given({}))).toMatchObject({ bodyAuthenticated: false });
    expect(await outcomeAt(NOW + 3605, options, given({}))).toBe('TIMESTAMP_TOO_OLD');
    for (const over of [
      { aud: 'https://other.example' },
      { email: 'x@evil.example' },
      { email_verified: false },
    ])
      expect(await outcomeAt(NOW, options, given(over))).toBe('SIGNATURE_MISMATCH');
    expect(() => googlePubSub({ audience: '', serviceAccountEmail: 'x' })).toThrow(/audience/);
  });
});

// Published vectors are not ours to copy: they are read if they are beside the repository, and skipped by name otherwise.
const VECTORS = path.join(
  process.env.WEBHOOK_VECTORS ??
    path.resolve(fileURLToPath(new URL('../../../..', import.meta.url)), '../shared/vectors'),
  'vendors.json',
);
interface Vector {
  id: string;
  method: string;
  url: string | null;
  headers: Record<string, string>;
  body: string;
  secrets: string[];
  now: number;
  valid: boolean;
  why: string;
}

describe.skipIf(!existsSync(VECTORS))('tokens that vendors published (vendors.json)', () => {
  const all: Vector[] = existsSync(VECTORS) ? JSON.parse(readFileSync(VECTORS, 'utf8')) : [];
  const rows = all.filter(({ id }) => id.startsWith('messagebird/jwt'));

  test('are there', () => {
    expect(rows.filter(({ valid }) => valid).length).toBeGreaterThan(20);
    expect(rows.filter(({ valid }) => !valid).length).toBeGreaterThan(15);
  });

  test.each(rows)('$id: $why', async ({ url, headers, body, secrets: [secret], now, valid }) => {
    const publicUrl = url ?? '';
    const target = publicUrl.slice(new URL(publicUrl).origin.length) || '/';
    // The one vector without a secret must fail before any key is asked.
    const options = { scheme: messageBird(), secrets: secret || SECRET, publicUrl };
    const outcome = await outcomeAt(now, options, { headers, body: Buffer.from(body), url: target });
    expect(outcome === 'accepted', outcome).toBe(valid);
    expect(outcome).not.toMatch(/SECRETS|CONFIG|READY/);
  });

  test("vonage/jwt: its signature is right, and without a body's digest it is not a delivery", async () => {
    const [vector] = all.filter(({ id }) => id === 'vonage/jwt');
    const { headers = {}, secrets = [], now = 0 } = vector ?? {};
    const given = { headers, body: new Uint8Array() };
    const signatureOnly = defineJwtScheme({
      name: 'signature-only',
      algorithms: ['HS256'],
      token: { header: 'authorization', prefix: 'Bearer ' },
      identity: 'body',
      delivery,
    });
    const [secret = ''] = secrets;
    expect(await outcomeAt(now, { scheme: signatureOnly, secrets: secret }, given)).toBe('accepted');
    expect(await outcomeAt(now, { scheme: vonage(), secrets: secret }, given)).toBe('HEADER_INVALID');
  });
});
