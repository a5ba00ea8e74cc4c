import type { Contradiction } from './row.ts';

const utf8 = { encoding: 'utf8' };
const signed = { signature: { header: 'x-signature', encoding: 'hex' }, content: '{body}' };
const byKey = (publicKey: string) => ({
  ...signed,
  algorithm: { publicKey, hash: 'sha256', ...(publicKey === 'rsa' ? {} : { format: 'der' }) },
});
const ed25519 = { ...signed, algorithm: { publicKey: 'ed25519' } };

/** Changes of a definition whose secret is text. */
export const SECRETS: readonly Contradiction[] = [
  ['no secret', 'secret', { secret: undefined }],
  ['a secret instead of its format', 'secret', { secret: 'whsec_0123456789abcdef' }],
  ['an unknown option of secrets', 'secret', { secret: { ...utf8, length: 16 } }],
  ['a least length that is text', 'secret.minBytes', { secret: { ...utf8, minBytes: '16' } }],
  ['an empty prefix', 'secret.prefix', { secret: { ...utf8, prefix: '' } }],
  ['a prefix that may be anything', 'secret.prefix', { secret: { ...utf8, prefix: '*_' } }],
  ['a prefix with two stars in a row', 'secret.prefix', { secret: { ...utf8, prefix: 'k_**_' } }],
  ['an unknown Unicode form', 'secret.normalize', { secret: { ...utf8, normalize: 'NFX' } }],
  ['a Unicode form of base64', 'secret.normalize', { secret: { encoding: 'base64', normalize: 'NFKD' } }],

  [
    'a second key of base64',
    'secret.alsoBase64After',
    { secret: { encoding: 'base64', alsoBase64After: 'whsec_' } },
  ],
  ['a mistake without words', 'secret.mistakenFor.sk_', { secret: { ...utf8, mistakenFor: { sk_: '' } } }],
  ['a list of mistakes', 'secret.mistakenFor', { secret: { ...utf8, mistakenFor: ['sk_'] } }],

  // Kinds that a prefix tells apart.
  ['a list of one kind', 'secret', { secret: [utf8] }],
  ['a list with something else', 'secret', { secret: [null, utf8] }],
  ['a kind without its prefix', 'secret', { secret: [{ encoding: 'base64' }, utf8] }],
  [
    'a kind whose prefix may be left out',
    'secret',
    { secret: [{ encoding: 'base64', prefix: 'whsec_', prefixOptional: true }, utf8] },
  ],
  [
    'a public key among shared secrets',
    'secret.encoding',
    { secret: [{ publicKey: 'rsa', encoding: 'pem', prefix: 'pk_' }, utf8] },
  ],

  // Derived keys.
  ['a derivation that is not a list', 'secret.derive', { secret: { ...utf8, derive: { hash: 'sha1' } } }],
  ['a derivation of nothing', 'secret.derive', { secret: { ...utf8, derive: [null] } }],
  ['an unknown derivation', 'secret.derive', { secret: { ...utf8, derive: [{ hkdf: 'sha256' }] } }],
  ['a derivation in no way', 'secret.derive.hash', { secret: { ...utf8, derive: [{}] } }],
  [
    'a derivation in two ways',
    'secret.derive.hash',
    { secret: { ...utf8, derive: [{ hash: 'sha1', hmac: 'sha1', over: 'x' }] } },
  ],
  [
    'a derivation by an unknown hash',
    'secret.derive.hash',
    { secret: { ...utf8, derive: [{ hash: 'md4' }] } },
  ],
  ['an HMAC over nothing', 'secret.derive.over', { secret: { ...utf8, derive: [{ hmac: 'sha256' }] } }],

  // Public keys.
  [
    'an unknown public key',
    'secret.publicKey',
    { secret: { publicKey: 'ed448', encoding: 'pem' }, signed: ed25519 },
  ],
  [
    'an unknown encoding of a public key',
    'secret.encoding',
    { secret: { publicKey: 'ed25519', encoding: 'base64' }, signed: ed25519 },
  ],
  [
    'an RSA key as a row of bytes',
    'secret.encoding',
    { secret: { publicKey: 'rsa', encoding: 'raw-hex' }, signed: byKey('rsa') },
  ],
  [
    'a P-256 key as a row of bytes',
    'secret.encoding',
    { secret: { publicKey: 'ecdsa-p256', encoding: 'raw-base64' }, signed: byKey('ecdsa-p256') },
  ],
  [
    'a public key of an empty prefix',
    'secret.prefix',
    { secret: { publicKey: 'ed25519', encoding: 'pem', prefix: '' }, signed: ed25519 },
  ],
  [
    'a public key of a least number of bytes',
    'secret.minBytes',
    { secret: { publicKey: 'rsa', encoding: 'pem', minBytes: 256 }, signed: byKey('rsa') },
  ],
  [
    'an RSA key of 512 bits',
    'secret.minBits',
    { secret: { publicKey: 'rsa', encoding: 'pem', minBits: 512 }, signed: byKey('rsa') },
  ],
  [
    'a size for a key that has but one',
    'secret.minBits',
    { secret: { publicKey: 'ed25519', encoding: 'pem', minBits: 2048 }, signed: ed25519 },
  ],

  // Algorithms that the key can't serve.
  [
    'a public key as the secret of an HMAC',
    'secret.publicKey',
    {
      secret: { publicKey: 'rsa', encoding: 'pem' },
      signed: { ...signed, algorithm: { hmac: 'sha256' } },
    },
  ],
  [
    'a public key as a token',
    'secret.publicKey',
    {
      secret: { publicKey: 'rsa', encoding: 'pem' },
      signed: {
        algorithm: { token: 'constant-time' },
        signature: { header: 'authorization', encoding: 'text' },
      },
    },
  ],
  ['a shared secret as a public key', 'signed.algorithm.publicKey', { signed: ed25519 }],
  [
    'kinds of shared secrets as a public key',
    'signed.algorithm.publicKey',
    { secret: [{ encoding: 'base64', prefix: 'whsec_' }, utf8], signed: ed25519 },
  ],
  [
    'a public key of another algorithm',
    'signed.algorithm.publicKey',
    { secret: { publicKey: 'ed25519', encoding: 'pem' }, signed: byKey('rsa') },
  ],
  [
    'one form of two that the key fits',
    'signed.algorithm.publicKey',
    { signed: [{ ...signed, algorithm: { hmac: 'sha256' } }, ed25519] },
  ],
];
