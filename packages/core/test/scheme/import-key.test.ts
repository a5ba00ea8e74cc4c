import { createHash, createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  createKeyring,
  createVerifier,
  defineScheme,
  functionSecrets,
  type SchemeDefinition,
} from '@countersign/core';
import { describe, expect, test } from 'vitest';

// What is a key, by the format of the definition.

type Format = SchemeDefinition['secret'];

function schemeOf(secret: Format) {
  const publicKey = (secret as { publicKey?: string }).publicKey;
  const algorithm =
    publicKey === undefined
      ? { hmac: 'sha256' }
      : publicKey === 'ed25519'
        ? { publicKey }
        : { publicKey, hash: 'sha256', ...(publicKey === 'ecdsa-p256' && { format: 'der' }) };
  return defineScheme({
    name: 'acme',
    secret,
    signed: { algorithm, signature: { header: 'x-signature', encoding: 'base64' }, content: '{body}' },
    identity: 'body',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  } as SchemeDefinition);
}

/** The bytes of a key as text, or the reason why there is none. */
function keyOf(format: Format, secret: string | Uint8Array): string {
  try {
    return schemeOf(format).importKey(secret).export().toString('latin1');
  } catch (error) {
    return `refused: ${(error as Error).message}`;
  }
}

const TEXT = '0123456789abcdef';
const BASE64 = Buffer.from(TEXT).toString('base64');

describe('a shared secret', () => {
  test.each<[string, Format, string | Uint8Array, string | RegExp]>([
    ['of 16 bytes', { encoding: 'utf8' }, TEXT, TEXT],
    ['of 15 bytes', { encoding: 'utf8' }, TEXT.slice(1), /has 15 bytes; it must have at least 16/],
    ['of as many bytes as the definition says', { encoding: 'utf8', minBytes: 8 }, '12345678', '12345678'],
    ['of fewer', { encoding: 'utf8', minBytes: 8 }, '1234567', /has 7 bytes; it must have at least 8/],
    ['as bytes', { encoding: 'hex', prefix: 'x_' }, Buffer.from(TEXT), TEXT],
    ['as too few bytes', { encoding: 'hex' }, Buffer.from('short'), /has 5 bytes/],
    ['in hex', { encoding: 'hex' }, Buffer.from(TEXT).toString('hex').toUpperCase(), TEXT],
    ['in odd hex', { encoding: 'hex' }, `${'00'.repeat(16)}0`, /the text is not hex/],
    ['in base64', { encoding: 'base64' }, BASE64, TEXT],
    [
      'in base64 without padding',
      { encoding: 'base64' },
      BASE64.replaceAll('=', ''),
      /the text is not base64/,
    ],
    ['in base64url', { encoding: 'base64url' }, Buffer.from(TEXT).toString('base64url'), TEXT],
    ['behind its prefix', { encoding: 'utf8', prefix: 'sec_' }, `sec_${TEXT}`, TEXT],
    ['without its prefix', { encoding: 'utf8', prefix: 'sec_' }, TEXT, /does not begin with "sec_"/],
    [
      'behind an optional prefix',
      { encoding: 'utf8', prefix: 'sec_', prefixOptional: true },
      `sec_${TEXT}`,
      TEXT,
    ],
    ['without an optional prefix', { encoding: 'utf8', prefix: 'sec_', prefixOptional: true }, TEXT, TEXT],
    ['behind a prefix that varies', { encoding: 'utf8', prefix: 'a.*_*_' }, `a.1b_2_${TEXT}_x`, `${TEXT}_x`],
    ['without the varying part', { encoding: 'utf8', prefix: 'a.*_' }, `a._${TEXT}`, /does not begin with/],
    ['with another dot', { encoding: 'utf8', prefix: 'a.*_' }, `ab1_${TEXT}`, /does not begin with/],
    [
      'with text before the prefix',
      { encoding: 'utf8', prefix: 'a*_' },
      `xa1_${TEXT}`,
      /does not begin with/,
    ],
    [
      'in NFC',
      { encoding: 'utf8', normalize: 'NFC' },
      `e\u0301${TEXT}`,
      Buffer.from(`\u00e9${TEXT}`).toString('latin1'),
    ],
    ['as it is', { encoding: 'utf8' }, `e\u0301${TEXT}`, Buffer.from(`e\u0301${TEXT}`).toString('latin1')],
  ])('%s', (_, format, secret, expected) => {
    const key = keyOf(format, secret);
    if (typeof expected === 'string') expect(key).toBe(expected);
    else expect(key).toMatch(expected);
  });

  test('of which the key is derived', () => {
    const derived = schemeOf({
      encoding: 'utf8',
      derive: [{ hash: 'sha1' }, { hmac: 'sha256', over: 'webhook' }],
    } as Format).importKey(TEXT);
    const first = createHash('sha1').update(TEXT).digest();
    expect(derived.export()).toEqual(createHmac('sha256', first).update('webhook').digest());
  });

  const kinds = [
    { encoding: 'base64', prefix: 'whsec_' },
    { encoding: 'hex', prefix: 'hex_' },
    { encoding: 'utf8' },
  ] as unknown as Format;

  test.each([
    ['the first', `whsec_${BASE64}`, TEXT],
    ['the second', `hex_${Buffer.from(TEXT).toString('hex')}`, TEXT],
    ['the last', `other_${TEXT}`, `other_${TEXT}`],
    ['bytes', Buffer.from(`whsec_${TEXT}`), `whsec_${TEXT}`],
  ])('of several kinds, told apart by the prefix: %s', (_, secret, expected) => {
    expect(keyOf(kinds, secret)).toBe(expected);
  });
});

describe('a public key', () => {
  const ed25519 = generateKeyPairSync('ed25519');
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
  const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });
  const raw = Buffer.from(ed25519.publicKey.export({ format: 'jwk' }).x as string, 'base64url');
  const jwk = (key: KeyObject) => JSON.stringify(key.export({ format: 'jwk' }));

  const accepted: [string, object, string | Uint8Array, KeyObject][] = [
    ['Ed25519 in PEM', { publicKey: 'ed25519', encoding: 'pem' }, pem(ed25519.publicKey), ed25519.publicKey],
    [
      'PEM as bytes',
      { publicKey: 'ed25519', encoding: 'pem' },
      Buffer.from(pem(ed25519.publicKey)),
      ed25519.publicKey,
    ],
    [
      'PEM between blanks',
      { publicKey: 'ed25519', encoding: 'pem' },
      `\n\n${pem(ed25519.publicKey)}\n\n`,
      ed25519.publicKey,
    ],
    [
      'Ed25519 in SPKI',
      { publicKey: 'ed25519', encoding: 'spki' },
      spki(ed25519.publicKey).toString('base64'),
      ed25519.publicKey,
    ],
    ['SPKI as bytes', { publicKey: 'ed25519', encoding: 'spki' }, spki(ed25519.publicKey), ed25519.publicKey],
    ['raw in hex', { publicKey: 'ed25519', encoding: 'raw-hex' }, raw.toString('hex'), ed25519.publicKey],
    [
      'raw in base64',
      { publicKey: 'ed25519', encoding: 'raw-base64' },
      raw.toString('base64'),
      ed25519.publicKey,
    ],
    ['raw as bytes', { publicKey: 'ed25519', encoding: 'raw-hex' }, raw, ed25519.publicKey],
    ['a JWK', { publicKey: 'ecdsa-p256', encoding: 'jwk' }, jwk(p256.publicKey), p256.publicKey],
    [
      'behind a prefix',
      { publicKey: 'ed25519', encoding: 'raw-base64', prefix: 'pk_' },
      `pk_${raw.toString('base64')}`,
      ed25519.publicKey,
    ],
    ['P-256', { publicKey: 'ecdsa-p256', encoding: 'pem' }, pem(p256.publicKey), p256.publicKey],
    ['RSA', { publicKey: 'rsa', encoding: 'pem' }, pem(rsa.publicKey), rsa.publicKey],
    [
      'RSA in PKCS#1',
      { publicKey: 'rsa', encoding: 'pem' },
      rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      rsa.publicKey,
    ],
    [
      'RSA of 1024 bits, if the definition says so',
      { publicKey: 'rsa', encoding: 'pem', minBits: 1024 },
      pem(rsa1024.publicKey),
      rsa1024.publicKey,
    ],
  ];
  test.each(accepted)('is read: %s', (_, format, secret, key) => {
    expect(
      schemeOf(format as Format)
        .importKey(secret)
        .equals(key),
    ).toBe(true);
  });

  test.each<[string, object, string | Uint8Array, RegExp]>([
    [
      'another type',
      { publicKey: 'ed25519', encoding: 'pem' },
      pem(rsa.publicKey),
      /not a key of the type "ed25519"/,
    ],
    [
      'another curve',
      { publicKey: 'ecdsa-p256', encoding: 'pem' },
      pem(p384.publicKey),
      /not a key of the type "ecdsa-p256"/,
    ],
    [
      'Ed25519 for RSA',
      { publicKey: 'rsa', encoding: 'pem' },
      pem(ed25519.publicKey),
      /not a key of the type "rsa"/,
    ],
    [
      'RSA of 1024 bits',
      { publicKey: 'rsa', encoding: 'pem' },
      pem(rsa1024.publicKey),
      /has 1024 bits; it must have 2048 to 8192/,
    ],
    [
      'a private key',
      { publicKey: 'rsa', encoding: 'pem' },
      rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      /not a public key/,
    ],
    ['a private JWK', { publicKey: 'ecdsa-p256', encoding: 'jwk' }, jwk(p256.privateKey), /not a public key/],
    ['JSON that is null', { publicKey: 'ecdsa-p256', encoding: 'jwk' }, 'null', /not a public key/],
    ['JSON that is text', { publicKey: 'ecdsa-p256', encoding: 'jwk' }, '"key"', /not a public key/],
    ['no JSON', { publicKey: 'ecdsa-p256', encoding: 'jwk' }, 'key', /not a public key/],
    [
      '31 bytes',
      { publicKey: 'ed25519', encoding: 'raw-hex' },
      raw.toString('hex').slice(2),
      /not a public key encoded as "raw-hex"/,
    ],
    [
      '33 bytes',
      { publicKey: 'ed25519', encoding: 'raw-hex' },
      `${raw.toString('hex')}00`,
      /not a public key/,
    ],
    ['31 bytes as such', { publicKey: 'ed25519', encoding: 'raw-hex' }, raw.subarray(1), /not a public key/],
    [
      'base64 for hex',
      { publicKey: 'ed25519', encoding: 'raw-hex' },
      raw.toString('base64'),
      /not a public key/,
    ],
    [
      'hex for base64',
      { publicKey: 'ed25519', encoding: 'raw-base64' },
      raw.toString('hex'),
      /not a public key/,
    ],
    [
      'SPKI that is not base64',
      { publicKey: 'ed25519', encoding: 'spki' },
      `${spki(ed25519.publicKey).toString('base64')}!`,
      /not a public key/,
    ],
    [
      'no prefix',
      { publicKey: 'ed25519', encoding: 'raw-base64', prefix: 'pk_' },
      raw.toString('base64'),
      /not a public key/,
    ],
    [
      'text before PEM',
      { publicKey: 'ed25519', encoding: 'pem' },
      `x${pem(ed25519.publicKey)}`,
      /not a public key/,
    ],
    [
      'text behind PEM',
      { publicKey: 'ed25519', encoding: 'pem' },
      `${pem(ed25519.publicKey)}x`,
      /not a public key/,
    ],
  ])('is never %s', (_, format, secret, message) => {
    expect(() => schemeOf(format as Format).importKey(secret)).toThrow(message);
    expect(() => schemeOf(format as Format).importKey(secret)).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_SECRETS_INVALID' }),
    );
  });
});

describe('one keyring for two verifiers', () => {
  const shares = async (a: object, b: object) => {
    const keyring = createKeyring(
      functionSecrets(() => new Promise(() => undefined)),
      { scheme: schemeOf(a as Format) },
    );
    try {
      createVerifier({ scheme: schemeOf(b as Format), secrets: keyring, replay: false });
      return 'shared';
    } catch (error) {
      return (error as Error).message;
    } finally {
      await keyring.close();
    }
  };

  test.each<[string, object, object]>([
    ['its encoding', { encoding: 'utf8' }, { encoding: 'hex' }],
    ['its prefix', { encoding: 'utf8' }, { encoding: 'utf8', prefix: 'x_' }],
    [
      'an optional prefix',
      { encoding: 'utf8', prefix: 'x_' },
      { encoding: 'utf8', prefix: 'x_', prefixOptional: true },
    ],
    ['its normal form', { encoding: 'utf8' }, { encoding: 'utf8', normalize: 'NFC' }],
    ['its least length', { encoding: 'utf8' }, { encoding: 'utf8', minBytes: 17 }],
    ['a derivation', { encoding: 'utf8' }, { encoding: 'utf8', derive: [{ hash: 'sha1' }] }],
    [
      'another derivation',
      { encoding: 'utf8', derive: [{ hash: 'sha256' }] },
      { encoding: 'utf8', derive: [{ hash: 'sha1' }] },
    ],
    [
      'a MAC for a hash',
      { encoding: 'utf8', derive: [{ hash: 'sha256' }] },
      { encoding: 'utf8', derive: [{ hmac: 'sha256', over: 'x' }] },
    ],
    [
      'what is derived from',
      { encoding: 'utf8', derive: [{ hmac: 'sha256', over: 'y' }] },
      { encoding: 'utf8', derive: [{ hmac: 'sha256', over: 'x' }] },
    ],
    ['another kind', { encoding: 'utf8' }, [{ encoding: 'hex', prefix: 'x_' }, { encoding: 'utf8' }]],
    ['a public key', { encoding: 'utf8' }, { publicKey: 'ed25519', encoding: 'raw-hex' }],
    ['its type', { publicKey: 'ecdsa-p256', encoding: 'pem' }, { publicKey: 'ed25519', encoding: 'pem' }],
    ['its encoding', { publicKey: 'ed25519', encoding: 'spki' }, { publicKey: 'ed25519', encoding: 'pem' }],
    [
      'its prefix',
      { publicKey: 'ed25519', encoding: 'spki' },
      { publicKey: 'ed25519', encoding: 'spki', prefix: 'x_' },
    ],
    [
      'its least length',
      { publicKey: 'rsa', encoding: 'pem' },
      { publicKey: 'rsa', encoding: 'pem', minBits: 4096 },
    ],
  ])('needs one format: %s', async (_, a, b) => {
    expect(await shares(a, b)).toMatch(/format/);
    expect(await shares(b, a)).toMatch(/format/);
    expect(await shares(a, a)).toBe('shared');
    expect(await shares(b, b)).toBe('shared');
  });
});
