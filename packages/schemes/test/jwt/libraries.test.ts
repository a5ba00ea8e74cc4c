import { createSecretKey, generateKeyPairSync, sign } from 'node:crypto';
import { createRequire } from 'node:module';
import { type DefinedScheme, isWebhookError, type Scheme } from '@countersign/core';
import { liveKit, messageBird, turnkey, upstashQStash } from '@countersign/schemes/jwt';
import { Receiver } from '@upstash/qstash';
import { AccessToken, WebhookReceiver } from 'livekit-server-sdk';
import { verify as verifyMessageBird } from 'messagebird/lib/webhook-signature-jwt';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { judgeAt } from '../support/jwt/judge.ts';
import { digestOf, signToken } from '../support/jwt/sign-token.ts';

// Its declarations would bring those of browsers into every file here.
const require = createRequire(import.meta.url);
const { verifyTurnkeyWebhookSignature } = require('@turnkey/crypto') as {
  verifyTurnkeyWebhookSignature(given: {
    headers: Record<string, string>;
    body: string;
    verificationKeys: { keyId: string; publicKey: string; algorithm: 'ed25519' }[];
    maxTimestampAgeMs: number;
  }): { ok: boolean };
};

const NOW = 1_800_000_000;
const SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a4968';
const OTHER = '0d1a0b5c79e42768fd50c1e2b3a49aaa';
const URL_ = 'https://example.com/hooks/acme';
const BODY = '{"event":"room_started","id":"EV_1"}';

beforeEach(() => {
  // The libraries take no clock.
  vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 });
});
afterEach(() => {
  vi.useRealTimers();
});

async function accepts(verify: () => unknown): Promise<boolean> {
  try {
    return (await verify()) !== false;
  } catch {
    return false;
  }
}

type Claims = Record<string, unknown>;

/** A sender whose own library judges beside us: both must say the same of every change of what it would send. */
interface Library {
  readonly scheme: Scheme | DefinedScheme;
  readonly header: string;
  readonly claims: Claims;
  readonly theirs: (token: string, body: string) => unknown;
  /** Where we are stricter than the library, and why. */
  readonly stricter: readonly string[];
}

const receiver = new Receiver({ currentSigningKey: SECRET, nextSigningKey: OTHER });

const LIBRARIES: Record<string, Library> = {
  'livekit-server-sdk': {
    scheme: liveKit({ apiKey: 'APIabc' }),
    header: 'authorization',
    claims: { iss: 'APIabc', nbf: NOW, exp: NOW + 300, sha256: digestOf(BODY, 'base64') },
    theirs: (token, body) => new WebhookReceiver('APIabc', SECRET).receive(body, token),
    // It needs no prefix.
    stricter: ['without nbf', 'begins long ago'],
  },
  '@upstash/qstash': {
    scheme: upstashQStash(),
    header: 'upstash-signature',
    claims: {
      iss: 'Upstash',
      sub: URL_,
      iat: NOW,
      nbf: NOW,
      exp: NOW + 300,
      jti: 'jwt_1',
      body: `${digestOf(BODY, 'base64url')}=`,
    },
    theirs: (signature, body) => receiver.verify({ signature, body, url: URL_, clockTolerance: 5 }),
    stricter: ['without exp', 'without nbf', 'begins long ago'],
  },
  messagebird: {
    scheme: messageBird(),
    header: 'messagebird-signature-jwt',
    claims: {
      iss: 'MessageBird',
      nbf: NOW,
      exp: NOW + 300,
      jti: 'j1',
      url_hash: digestOf(URL_, 'hex'),
      payload_hash: digestOf(BODY, 'hex'),
    },
    theirs: (token, body) =>
      verifyMessageBird(URL_, Buffer.from(body), token, createSecretKey(Buffer.from(SECRET))),
    stricter: ['without exp', 'without nbf', 'begins long ago'],
  },
};

/** What becomes of a token on its way or in a forger's hands. */
const CHANGES: Record<string, (claims: Claims) => Claims> = {
  nothing: (claims) => claims,
  'another issuer': (claims) => ({ ...claims, iss: 'evil' }),
  'without issuer': ({ iss: _, ...claims }) => claims,
  expired: (claims) => ({ ...claims, exp: NOW - 11 }),
  'begins later': (claims) => ({ ...claims, nbf: NOW + 11 }),
  'begins long ago': (claims) => ({ ...claims, nbf: NOW - 301, iat: NOW - 301 }),
  'without exp': ({ exp: _, ...claims }) => claims,
  'without nbf': ({ nbf: _, ...claims }) => claims,
  'an end that is text': (claims) => ({ ...claims, exp: String(NOW + 60) }),
  "without the body's digest": ({ sha256: _, body: __, payload_hash: ___, ...claims }) => claims,
};

describe.each(Object.entries(LIBRARIES))('%s', (_, { scheme, header, claims, theirs, stricter }) => {
  const ours = async (token: string, body: string) =>
    !isWebhookError(
      await judgeAt(
        NOW,
        { scheme, secrets: SECRET, publicUrl: URL_ },
        { headers: { [header]: token }, body: Buffer.from(body), url: '/hooks/acme' },
      ),
    );
  const both = async (token: string, body = BODY) => ({
    theirs: await accepts(() => theirs(token, body)),
    ours: await ours(token, body),
  });
  const tokenOf = (payload: Claims, secret = SECRET, alg = 'HS256') =>
    signToken({ header: { alg, typ: 'JWT' }, claims: payload }, secret);

  test.each(Object.entries(CHANGES))(
    '%s: the same outcome, or a stricter one of ours',
    async (name, change) => {
      const outcomes = await both(tokenOf(change(claims)));
      if (stricter.includes(name)) expect(outcomes).toEqual({ theirs: true, ours: false });
      else expect(outcomes).toEqual({ theirs: name === 'nothing', ours: name === 'nothing' });
    },
  );

  test('another body, another secret, another algorithm: the same outcome', async () => {
    const refused = { theirs: false, ours: false };
    expect(await both(tokenOf(claims), `${BODY} `)).toEqual(refused);
    expect(await both(tokenOf(claims, `${SECRET}x`))).toEqual(refused);
    expect(await both(tokenOf(claims, SECRET, 'none'))).toEqual(refused);
    expect(await both(`${tokenOf(claims).split('.').slice(0, 2).join('.')}.`)).toEqual(refused);
  });
});

test('a token that livekit-server-sdk makes is accepted, and one for a participant is not', async () => {
  const options = {
    scheme: liveKit({ apiKey: 'APIabc' }),
    secrets: { current: { id: 'APIabc', secret: SECRET } },
  };
  const given = (token: string) => ({ headers: { authorization: token }, body: Buffer.from(BODY) });
  const made = new AccessToken('APIabc', SECRET, { ttl: 300 });
  made.sha256 = digestOf(BODY, 'base64');
  expect(await judgeAt(NOW, options, given(await made.toJwt()))).toMatchObject({ key: { id: 'APIabc' } });
  const participant = new AccessToken('APIabc', SECRET, { ttl: 300, identity: 'guest' });
  participant.addGrant({ roomJoin: true, room: 'x' });
  expect(await judgeAt(NOW, options, given(await participant.toJwt()))).toMatchObject({
    code: 'ERR_WEBHOOK_HEADER_INVALID',
  });
});

test('@turnkey/crypto and we say the same of every change', async () => {
  const pair = generateKeyPairSync('ed25519');
  const publicKey = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString(
    'hex',
  );
  const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString().trim();
  const time = String(NOW * 1000);
  const signature = sign(
    null,
    Buffer.from(`v1.ed25519.tk-1.${time}.evt-1.${BODY}`),
    pair.privateKey,
  ).toString('hex');
  const headers: Record<string, string> = {
    'x-turnkey-signature': signature,
    'x-turnkey-timestamp': time,
    'x-turnkey-event-id': 'evt-1',
    'x-turnkey-signature-key-id': 'tk-1',
    'x-turnkey-signature-algorithm': 'ed25519',
    'x-turnkey-signature-version': 'v1',
  };
  const both = async (over: Record<string, string>, body = BODY) => {
    const sent = { ...headers, ...over };
    const theirs = verifyTurnkeyWebhookSignature({
      headers: sent,
      body,
      verificationKeys: [{ keyId: 'tk-1', publicKey, algorithm: 'ed25519' }],
      maxTimestampAgeMs: 300_000,
    }).ok;
    const secrets = { current: { id: 'tk-1', secret: pem } };
    const outcome = await judgeAt(
      NOW,
      { scheme: turnkey(), secrets },
      { headers: sent, body: Buffer.from(body) },
    );
    return { theirs, ours: !isWebhookError(outcome) };
  };
  expect(await both({})).toEqual({ theirs: true, ours: true });
  const refused = { theirs: false, ours: false };
  expect(await both({}, `${BODY} `)).toEqual(refused);
  for (const name of Object.keys(headers)) expect(await both({ [name]: 'x' }), name).toEqual(refused);
  expect(await both({ 'x-turnkey-timestamp': String(NOW * 1000 - 301_000) })).toEqual(refused);
});
