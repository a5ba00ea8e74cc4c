import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createVerifier, isWebhookError, type SecretProvider, type Verifier } from '@countersign/core';
import {
  defineJwtScheme,
  fal,
  falKeys,
  googleKeys,
  type JwksSecretsOptions,
  jwksSecrets,
  type PlaidKey,
  plaid,
  plaidKeys,
  turnkey,
  turnkeyKeys,
} from '@countersign/schemes/jwt';
import { type ManualClock, manualClock } from '@countersign/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf, signToken } from '../support/jwt/sign-token.ts';
import { type Answer, type Origin, startOrigin } from '../support/remote/origin.ts';

const SECOND = 1000;
const START = Date.UTC(2030, 0, 1);
const URL_ = 'https://api.acme.example/.well-known/jwks.json';
const BODY = '{"id":"evt_1"}';
const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = () => generateKeyPairSync('ed25519');
const FIRST = ec();
const SECOND_KEY = ec();
const jwk = (key: KeyObject, over: object = {}) => ({ ...key.export({ format: 'jwk' }), ...over });
const setOf = (...keys: object[]) => JSON.stringify({ keys });

const acme = defineJwtScheme({
  name: 'acme',
  algorithms: ['ES256'],
  token: { header: 'acme-signature' },
  bodyHash: { claim: 'hash', encoding: 'hex' },
  time: 'iat',
  identity: 'body',
  delivery: { retries: 'any-failure', idStableOverRetries: 'unknown', retrySignature: 'renewed' },
});

let clock: ManualClock;
let origin: Origin;

beforeEach(async () => {
  clock = manualClock(START);
  origin = await startOrigin(['api.acme.example', 'evil.example', 'rest.fal.ai', 'api.turnkey.com']);
});
afterEach(async () => {
  await origin[Symbol.asyncDispose]();
});

const jwks = (options: Partial<JwksSecretsOptions> = {}) =>
  jwksSecrets(URL_, { algorithms: ['ES256'], fetch: origin.fetch, ...options });
const open = (secrets: SecretProvider, scheme = acme) =>
  createVerifier({ scheme, secrets, clock, observe: () => undefined });
const token = (pair: { privateKey: KeyObject }, kid?: string) =>
  signToken(
    { header: { alg: 'ES256', kid }, claims: { iat: clock.now() / 1000, hash: digestOf(BODY, 'hex') } },
    pair.privateKey,
  );

async function outcome(verifier: Verifier, text: string, header = 'acme-signature'): Promise<string> {
  try {
    return (await verifier.verify({ headers: { [header]: text }, body: Buffer.from(BODY) })).key.id;
  } catch (error) {
    if (isWebhookError(error)) return error.code;
    throw error;
  }
}

/** Lets time go on until a promise is settled: what it waits for begins when a signature has been computed, which takes real time. */
async function meanwhile<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const end = () => {
    settled = true;
  };
  promise.then(end, end);
  while (!settled) await clock.advance(100);
  return promise;
}

describe('a key set at an address', () => {
  test('is loaded, its ids are the keys’, and a key published later is found by the delivery that names it', async () => {
    origin.serve(URL_, setOf(jwk(FIRST.publicKey, { kid: 'one', alg: 'ES256', use: 'sig' })));
    await using verifier = open(jwks());
    await verifier.ready();
    expect(await outcome(verifier, token(FIRST, 'one'))).toBe('one');
    origin.serve(
      URL_,
      setOf(jwk(FIRST.publicKey, { kid: 'one' }), jwk(SECOND_KEY.publicKey, { kid: 'two' })),
    );
    await clock.advance(13 * SECOND);
    expect(await outcome(verifier, token(SECOND_KEY, 'two'))).toBe('two');
    expect(origin.requests).toEqual([URL_, URL_]);
  });

  test('is fetched for strangers at the pace of the cooldown, always at its own address', async () => {
    origin.serve(URL_, setOf(jwk(FIRST.publicKey, { kid: 'one' })));
    await using verifier = open(jwks());
    await verifier.ready();
    await clock.advance(13 * SECOND);
    for (let count = 0; count < 50; count++) await outcome(verifier, token(SECOND_KEY, `x${count}`));
    expect(origin.requests).toEqual([URL_, URL_, URL_, URL_]);
  });

  test('returns only keys of the requested kind, and never a secret', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    origin.serve(
      URL_,
      setOf(
        jwk(rsa.publicKey, { kid: 'rsa' }),
        jwk(p384.publicKey, { kid: 'p384' }),
        jwk(ed().publicKey, { kid: 'ed' }),
        jwk(ec().publicKey, { kid: 'enc', use: 'enc' }),
        jwk(ec().publicKey, { kid: 'ops', key_ops: ['sign'] }),
        jwk(ec().publicKey, { kid: 'alg', alg: 'ES384' }),
        { kty: 'oct', kid: 'oct', k: 'c2VjcmV0c2VjcmV0c2VjcmV0' },
        { kty: 'EC', kid: 'broken', crv: 'P-256', x: 'AA', y: 'AA' },
        { kid: 'empty' },
        jwk(FIRST.privateKey, { kid: 'one' }),
      ),
    );
    await using verifier = open(jwks());
    await verifier.ready();
    expect(verifier.health().secrets.keys.map(({ id }) => id)).toEqual(['one']);
  });

  test('with two keys of one id has all of them tried', async () => {
    origin.serve(
      URL_,
      setOf(jwk(FIRST.publicKey, { kid: 'k' }), jwk(SECOND_KEY.publicKey, { kid: 'x'.repeat(65) })),
    );
    await using verifier = open(jwks());
    await verifier.ready();
    expect(await outcome(verifier, token(FIRST, 'k'))).toBe('k');
    expect(await outcome(verifier, token(SECOND_KEY, 'x'.repeat(65)))).toMatch(/^[0-9a-f]{12}$/);
  });

  test('with more keys than are accepted returns those that deliveries name', async () => {
    const many = Array.from({ length: 12 }, (_, index) => ({ pair: ec(), kid: `k${index}` }));
    origin.serve(URL_, setOf(...many.map(({ pair, kid }) => jwk(pair.publicKey, { kid }))));
    await using verifier = open(jwks());
    await verifier.ready();
    expect(verifier.health().secrets.keys).toHaveLength(8);
    const last = many[11];
    await clock.advance(13 * SECOND);
    expect(last && (await outcome(verifier, token(last.pair, last.kid)))).toBe('k11');
    await verifier.reload();
    expect(last && (await outcome(verifier, token(last.pair, last.kid)))).toBe('k11');
  });

  test('keeps a key that has verified, even if attackers name others', async () => {
    const many = Array.from({ length: 12 }, (_, index) => ({ pair: ec(), kid: `k${index}` }));
    origin.serve(URL_, setOf(...many.map(({ pair, kid }) => jwk(pair.publicKey, { kid }))));
    await using verifier = open(jwks());
    await verifier.ready();
    const used = many[11];
    await clock.advance(13 * SECOND);
    expect(used && (await outcome(verifier, token(used.pair, used.kid)))).toBe('k11');
    for (const { kid } of many.slice(0, 11)) {
      await clock.advance(13 * SECOND);
      await outcome(verifier, token(SECOND_KEY, kid));
    }
    expect(verifier.health().secrets.keys.map(({ id }) => id)).toContain('k11');
    expect(used && (await outcome(verifier, token(used.pair, used.kid)))).toBe('k11');
  });

  const answers: Record<string, Answer | string | number> = {
    'a redirect': (_, response) => response.writeHead(302, { location: 'https://evil.example/jwks' }).end(),
    'a status': 500,
    'no JSON': '<html>',
    'no set': '{"keys":{}}',
    'an empty set': '{"keys":[]}',
    'too much': `{"keys":[],"x":"${'x'.repeat(65_536)}"}`,
  };
  test.each(Object.entries(answers))(
    'that responds with %s keeps the last good set, and says so',
    async (_, answer) => {
      origin.serve(URL_, setOf(jwk(FIRST.publicKey, { kid: 'one' })));
      await using verifier = open(jwks());
      await verifier.ready();
      origin.serve(URL_, answer);
      await expect(verifier.reload()).rejects.toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
      expect(await outcome(verifier, token(FIRST, 'one'))).toBe('one');
      // It may wait for the next attempt, which is soon.
      expect(await meanwhile(outcome(verifier, token(SECOND_KEY, 'two')))).toBe(
        'ERR_WEBHOOK_SECRETS_UNCERTAIN',
      );
      expect(origin.requests.every((url) => url === URL_)).toBe(true);
    },
  );

  test.each([
    'http://api.acme.example/jwks.json',
    'https://user:pass@api.acme.example/jwks.json',
    'https://api.acme.example/jwks.json#x',
    'https://api.acme.example/a/../jwks.json',
    'jwks.json',
    '',
    undefined,
  ])('%s is refused when it is configured', (url) => {
    expect(() => jwksSecrets(url as string, { algorithms: ['ES256'] })).toThrow(/https:/);
  });

  test.each([[['HS256']], [[]], [undefined], [['none']]])('the algorithms %o are refused', (algorithms) => {
    expect(() => jwks({ algorithms: algorithms as never })).toThrow(/"algorithms"/);
  });

  test('of Google is asked for nothing until it is loaded', () => {
    expect(googleKeys({ fetch: origin.fetch }).name).toBe('JWKS https://www.googleapis.com/oauth2/v3/certs');
    expect(origin.requests).toEqual([]);
  });
});

describe("Plaid's keys", () => {
  const key = (pair: { publicKey: KeyObject }, kid: string, over: object = {}): PlaidKey =>
    jwk(pair.publicKey, {
      kid,
      alg: 'ES256',
      use: 'sig',
      created_at: 1,
      expired_at: null,
      ...over,
    }) as PlaidKey;

  /** Plaid's endpoint, and what it was asked for. */
  function endpoint() {
    const stored = new Map<string, PlaidKey>();
    const asked: string[] = [];
    const provider = plaidKeys({
      fetchKey: async (keyId) => {
        asked.push(keyId);
        const found = stored.get(keyId);
        if (found === undefined) throw Object.assign(new Error('no such key'), { response: { status: 400 } });
        return found;
      },
    });
    return { stored, asked, provider };
  }
  const outcomeOf = (verifier: Verifier, text: string) =>
    outcome(verifier, plaidToken(text), 'plaid-verification');
  let plaidToken: (text: string) => string;
  beforeEach(() => {
    plaidToken = (kid) =>
      signToken(
        {
          header: { alg: 'ES256', kid },
          claims: { iat: clock.now() / 1000, request_body_sha256: digestOf(BODY, 'hex') },
        },
        (kid === 'two' ? SECOND_KEY : FIRST).privateKey,
      );
  });

  test('are fetched by the id that a delivery names, once', async () => {
    const { stored, asked, provider } = endpoint();
    stored.set('one', key(FIRST, 'one'));
    await using verifier = open(provider, plaid());
    await verifier.ready();
    expect(await outcomeOf(verifier, 'one')).toBe('one');
    expect(await outcomeOf(verifier, 'one')).toBe('one');
    expect(asked).toEqual(['one']);
  });

  test('that have expired are dropped at the next reload', async () => {
    const { stored, asked, provider } = endpoint();
    stored.set('one', key(FIRST, 'one'));
    await using verifier = open(provider, plaid());
    expect(await outcomeOf(verifier, 'one')).toBe('one');
    stored.set('one', key(FIRST, 'one', { expired_at: 5 }));
    await verifier.reload();
    await clock.advance(13 * SECOND);
    expect(await outcomeOf(verifier, 'one')).toBe('ERR_WEBHOOK_SIGNATURE_MISMATCH');
    expect(asked).toEqual(['one', 'one', 'one']);
  });

  test('that are made up are asked for at the pace of the cooldown, and cast no doubt on the others', async () => {
    const { stored, asked, provider } = endpoint();
    stored.set('two', key(SECOND_KEY, 'two'));
    await using verifier = open(provider, plaid());
    for (let count = 0; count < 30; count++)
      expect(await outcomeOf(verifier, `x${count}`)).toBe('ERR_WEBHOOK_SIGNATURE_MISMATCH');
    expect(asked).toEqual(['x0', 'x1', 'x2']);
    expect(verifier.health().state).toBe('ready');
    await clock.advance(13 * SECOND);
    expect(await outcomeOf(verifier, 'two')).toBe('two');
  });

  test('of another id, kind or use than was asked for are refused, and trouble leaves the delivery to come back', async () => {
    const wrong = [
      key(FIRST, 'other'),
      key(FIRST, 'one', { alg: 'HS256' }),
      key(FIRST, 'one', { use: 'enc' }),
      key(ed(), 'one'),
    ];
    for (const given of wrong) {
      await using verifier = open(plaidKeys({ fetchKey: async () => given }), plaid());
      expect(await outcomeOf(verifier, 'one')).toBe('ERR_WEBHOOK_SECRETS_UNCERTAIN');
    }
    const failing = plaidKeys({ fetchKey: () => Promise.reject(new Error('connection lost')) });
    await using verifier = open(failing, plaid());
    expect(await outcomeOf(verifier, 'one')).toBe('ERR_WEBHOOK_SECRETS_UNCERTAIN');
    expect(() => plaidKeys({} as never)).toThrow(/fetchKey/);
  });
});

describe('senders with published Ed25519 keys', () => {
  const pair = ed();
  const seconds = String(START / 1000);

  test('fal, by its documented formula', async () => {
    origin.serve(
      'https://rest.fal.ai/.well-known/jwks.json',
      setOf(jwk(ed().publicKey), jwk(pair.publicKey)),
    );
    await using verifier = createVerifier({
      scheme: fal(),
      secrets: falKeys({ fetch: origin.fetch }),
      clock,
    });
    await verifier.ready();
    const digest = createHash('sha256').update(BODY).digest('hex');
    const signature = sign(
      null,
      Buffer.from(['req-1', 'user-1', seconds, digest].join('\n')),
      pair.privateKey,
    );
    const headers = {
      'x-fal-webhook-request-id': 'req-1',
      'x-fal-webhook-user-id': 'user-1',
      'x-fal-webhook-timestamp': seconds,
      'x-fal-webhook-signature': signature.toString('hex'),
    };
    const webhook = await verifier.verify({ headers, body: Buffer.from(BODY) });
    expect(webhook).toMatchObject({ id: 'req-1', bodyAuthenticated: true });
    for (const name of ['x-fal-webhook-request-id', 'x-fal-webhook-user-id']) {
      const changed = { headers: { ...headers, [name]: 'other' }, body: Buffer.from(BODY) };
      await expect(verifier.verify(changed)).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
      });
    }
  });

  test('Turnkey, by its documented formula', async () => {
    const url = 'https://api.turnkey.com/public/v1/discovery/webhooks/jwks';
    origin.serve(url, setOf(jwk(pair.publicKey, { kid: 'tk-1', alg: 'EdDSA', use: 'sig' })));
    const secrets = turnkeyKeys({ fetch: origin.fetch });
    await using verifier = createVerifier({ scheme: turnkey(), secrets, clock });
    await verifier.ready();
    const content = `v1.ed25519.tk-1.${START}.evt-1.${BODY}`;
    const headers = {
      'x-turnkey-signature': sign(null, Buffer.from(content), pair.privateKey).toString('hex'),
      'x-turnkey-timestamp': String(START),
      'x-turnkey-event-id': 'evt-1',
      'x-turnkey-signature-key-id': 'tk-1',
      'x-turnkey-signature-algorithm': 'ed25519',
      'x-turnkey-signature-version': 'v1',
    };
    const webhook = await verifier.verify({ headers, body: Buffer.from(BODY) });
    expect(webhook).toMatchObject({ id: 'evt-1', key: { id: 'tk-1' }, bodyAuthenticated: true });
  });
});
