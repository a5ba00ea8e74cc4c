// Checked by `npm run typecheck`. Never run: what runs is schemes.contradictions.test.ts.
import { defineScheme, type SchemeDefinition } from '@countersign/core';

const delivery = { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' } as const;
const secret = { encoding: 'utf8' } as const;
const rest = { name: 'acme', secret, identity: 'body', delivery } as const;
const parted = { ...rest, identity: 'content' } as const;
const header = { header: 'x-signature', encoding: 'hex' } as const;
const list = { separator: ',', assign: '=', label: 'v1' } as const;
const hmac = { algorithm: { hmac: 'sha256' }, signature: header } as const;
const onBody = { ...hmac, content: '{body}' } as const;
const plain = { ...hmac, algorithm: { hash: 'sha256' }, content: '{secret}{body}' } as const;
const time = { header: 'x-time', unit: 's' } as const;
const timed = { ...hmac, timestamp: time, content: '{timestamp}.{body}' } as const;
const bodyTimestamp = { field: 'created', unit: 's', past: 300, future: 300 } as const;
const rsa = { publicKey: 'rsa', encoding: 'pem' } as const;
const ed25519 = { publicKey: 'ed25519', encoding: 'raw-hex' } as const;
const byEd25519 = { algorithm: { publicKey: 'ed25519' }, signature: header, content: '{body}' } as const;
const byRsa = { ...byEd25519, algorithm: { publicKey: 'rsa', hash: 'sha256' } } as const;
const tokens = { algorithm: { token: 'constant-time' } } as const;
const token = { ...tokens, signature: { header: 'authorization', encoding: 'text' } } as const;
const sorted = { sorted: 'form', pair: '{name}{value}' } as const;
const form = { ...hmac, parts: { form: sorted }, content: '{form}' } as const;
const when = { method: 'GET', query: { challenge: true } } as const;
const challenge = { query: 'challenge', characters: 'word', maxLength: 64 } as const;
const open = { signed: false, when, challenge, response: { text: '{challenge}' } } as const;

// What is right.

defineScheme({ ...rest, signed: onBody });
defineScheme({ ...rest, signed: timed, tolerance: { past: 300, future: 300 } });
defineScheme({ ...rest, signed: [timed, { ...timed, signature: { query: 'sig', encoding: 'hex' } }] });
defineScheme({
  ...rest,
  signed: onBody,
  bodyTimestamp,
  unsignedHeaders: { id: 'x-id' },
  multipartField: 'json',
});
defineScheme({ ...rest, secret: ed25519, signed: byEd25519 });
defineScheme({ ...rest, secret: rsa, signed: byRsa });
defineScheme({ ...rest, signed: plain });
defineScheme({ ...rest, signed: token });
defineScheme({ ...rest, secret: [{ encoding: 'base64', prefix: 'whsec_' }, secret], signed: onBody });
defineScheme({ ...parted, signed: form });
defineScheme({ ...parted, signed: { ...hmac, content: '[x-a:{header:x-a}.]v1:{method}{url} {field:a}x' } });
defineScheme({ ...rest, signed: onBody, handshake: open });
defineScheme({ ...rest, signed: onBody, handshake: [open, { ...open, signed: true }] });
// What comes from elsewhere is left to the checks at construction.
defineScheme({ ...rest, signed: onBody } as SchemeDefinition);

// What is missing.

// @ts-expect-error: no name
defineScheme({ secret, identity: 'body', delivery, signed: onBody });
// @ts-expect-error: no secret
defineScheme({ name: 'acme', identity: 'body', delivery, signed: onBody });
// @ts-expect-error: no identity
defineScheme({ name: 'acme', secret, delivery, signed: onBody });
// @ts-expect-error: no delivery
defineScheme({ name: 'acme', secret, identity: 'body', signed: onBody });
// @ts-expect-error: nothing signed
defineScheme(rest);
// @ts-expect-error: an empty list of forms
defineScheme({ ...rest, signed: [] });
// @ts-expect-error: no algorithm
defineScheme({ ...rest, signed: { signature: header, content: '{body}' } });
// @ts-expect-error: no signature
defineScheme({ ...rest, signed: { algorithm: { hmac: 'sha256' }, content: '{body}' } });
// @ts-expect-error: no place of the signature
defineScheme({ ...rest, signed: { ...onBody, signature: { encoding: 'hex' } } });
// @ts-expect-error: no encoding of the signature
defineScheme({ ...rest, signed: { ...onBody, signature: { header: 'x-signature' } } });
// @ts-expect-error: no content
defineScheme({ ...rest, signed: hmac });
// @ts-expect-error: a time without a unit
defineScheme({ ...rest, signed: { ...timed, timestamp: { header: 'x-time' } } });
// @ts-expect-error: a time without a place
defineScheme({ ...rest, signed: { ...timed, timestamp: { unit: 's' } } });
// @ts-expect-error: half a tolerance
defineScheme({ ...rest, signed: timed, tolerance: { past: 300 } });
// @ts-expect-error: half a body time
defineScheme({ ...rest, signed: onBody, bodyTimestamp: { field: 'created', unit: 's', past: 300 } });
// @ts-expect-error: a delivery without retries
defineScheme({ ...rest, signed: onBody, delivery: { idStableOverRetries: true, retrySignature: 'renewed' } });

// What does not exist.

// @ts-expect-error: an unknown option
defineScheme({ ...rest, signed: onBody, tolerence: { past: 300, future: 300 } });
// @ts-expect-error: an unknown option of forms
defineScheme({ ...rest, signed: { ...onBody, guard: { 'x-version': '1' } } });
// @ts-expect-error: an unknown option of the second form
defineScheme({ ...rest, signed: [onBody, { ...onBody, guard: { 'x-version': '1' } }] });
// @ts-expect-error: an unknown option of signatures
defineScheme({ ...rest, signed: { ...onBody, signature: { ...header, prefxi: 'v1=' } } });
// @ts-expect-error: an unknown part
defineScheme({ ...rest, signed: { ...hmac, content: '{payload}' } });
// @ts-expect-error: an unknown part behind a known one
defineScheme({ ...rest, signed: { ...hmac, content: '{body}.{payload}' } });
// @ts-expect-error: an unknown part in one writing of two
defineScheme({ ...rest, signed: { ...hmac, content: ['{body}', '{payload}'] } });
// @ts-expect-error: an unknown part in one form of two
defineScheme({ ...rest, signed: [onBody, { ...hmac, content: '{payload}' }] });
// @ts-expect-error: a part in capitals
defineScheme({ ...rest, signed: { ...hmac, content: '{Body}' } });
// @ts-expect-error: an unknown kind of part
defineScheme({ ...parted, signed: { ...form, parts: { form: { sorted: 'cookie' } } } });
// @ts-expect-error: an unknown hash
defineScheme({ ...rest, signed: { ...onBody, algorithm: { hmac: 'md4' } } });
// @ts-expect-error: an unknown encoding of signatures
defineScheme({ ...rest, signed: { ...onBody, signature: { ...header, encoding: 'Hex' } } });
// @ts-expect-error: an unknown encoding of secrets
defineScheme({ ...rest, secret: { encoding: 'auto' }, signed: onBody });
// @ts-expect-error: an unknown unit
defineScheme({ ...rest, signed: { ...timed, timestamp: { ...time, unit: 'us' } } });
// @ts-expect-error: an unknown variant of addresses
defineScheme({ ...parted, signed: { ...hmac, url: { variants: 'host' }, content: '{url}' } });
// @ts-expect-error: an unknown identity
defineScheme({ ...rest, identity: 'header', signed: onBody });
// @ts-expect-error: an identity by an unsigned header
defineScheme({ ...rest, identity: { header: 'x-id' }, signed: onBody });
// @ts-expect-error: unknown retries
defineScheme({ ...rest, signed: onBody, delivery: { ...delivery, retries: 'always' } });
// @ts-expect-error: an invalid status
defineScheme({ ...rest, signed: onBody, delivery: { ...delivery, retries: ['4xx'] } });
// @ts-expect-error: an acknowledgement that is text
defineScheme({ ...rest, signed: onBody, delivery: { ...delivery, acknowledgement: 'OK' } });

// What contradicts itself.

// @ts-expect-error: a time in the content without a source
defineScheme({ ...rest, signed: { ...hmac, content: '{timestamp}.{body}' } });
// @ts-expect-error: an id in the content without a source
defineScheme({ ...rest, signed: { ...hmac, content: '{id}.{body}' } });
// @ts-expect-error: the secret in an HMAC, which has it as its key
defineScheme({ ...rest, signed: { ...hmac, content: '{secret}{body}' } });
// @ts-expect-error: the secret in what a private key signs
defineScheme({ ...rest, secret: rsa, signed: { ...byRsa, content: '{secret}{body}' } });
// @ts-expect-error: a public key as the secret of an HMAC
defineScheme({ ...rest, secret: rsa, signed: onBody });
// @ts-expect-error: a public key as the secret in a plain hash
defineScheme({ ...rest, secret: rsa, signed: plain });
// @ts-expect-error: a public key as a token
defineScheme({ ...rest, secret: rsa, signed: token });
// @ts-expect-error: a shared secret as a public key
defineScheme({ ...rest, signed: byEd25519 });
// @ts-expect-error: a public key of another algorithm
defineScheme({ ...rest, secret: ed25519, signed: byRsa });
// @ts-expect-error: one form of two that the key fits
defineScheme({ ...rest, signed: [onBody, byEd25519] });
// @ts-expect-error: RSA without a hash
defineScheme({ ...rest, secret: rsa, signed: { ...byRsa, algorithm: { publicKey: 'rsa' } } });
// @ts-expect-error: a signature in two places
defineScheme({ ...rest, signed: { ...onBody, signature: { ...header, query: 'sig' } } });
// @ts-expect-error: a prefix and a list
defineScheme({ ...rest, signed: { ...onBody, signature: { ...header, prefix: 'v1=', list } } });
// @ts-expect-error: a parameter that may be repeated
defineScheme({ ...rest, signed: { ...onBody, signature: { query: 's', encoding: 'hex', repeated: true } } });
// @ts-expect-error: a token with content
defineScheme({ ...rest, signed: { ...token, content: '{body}' } });
// @ts-expect-error: a token with a time
defineScheme({ ...rest, signed: { ...token, timestamp: time } });
// @ts-expect-error: a token in a list
defineScheme({ ...rest, signed: { ...tokens, signature: { ...token.signature, list } } });
// @ts-expect-error: a token in hex
defineScheme({ ...rest, signed: { ...tokens, signature: header } });
// @ts-expect-error: a time in a parameter and a header
defineScheme({ ...rest, signed: { ...timed, timestamp: { ...time, query: 't' } } });
// @ts-expect-error: a time at a position and in a header
defineScheme({ ...rest, signed: { ...timed, timestamp: { ...time, entry: 0 } } });
// @ts-expect-error: a body time in two places
defineScheme({ ...rest, signed: onBody, bodyTimestamp: { ...bodyTimestamp, formField: 'sent' } });
// @ts-expect-error: a kind of secret without the prefix that tells it apart
defineScheme({ ...rest, secret: [{ encoding: 'base64' }, secret], signed: onBody });
// @ts-expect-error: a kind of secret whose prefix may be left out
defineScheme({ ...rest, secret: [{ ...secret, prefix: 'k', prefixOptional: true }, secret], signed: onBody });
// @ts-expect-error: a derivation in two ways
defineScheme({ ...rest, secret: { ...secret, derive: [{ hash: 'md5', hmac: 'md5' }] }, signed: onBody });
// @ts-expect-error: names to omit that are not a list
defineScheme({ ...parted, signed: { ...form, parts: { form: { ...sorted, omit: 'sig' } } } });
// @ts-expect-error: an unsigned handshake whose challenge is in its body
defineScheme({ ...rest, signed: onBody, handshake: { ...open, challenge: { ...challenge, field: 'a' } } });
// @ts-expect-error: an unsigned handshake by any method
defineScheme({ ...rest, signed: onBody, handshake: { ...open, when: { query: when.query } } });
// @ts-expect-error: a signed handshake with a token
defineScheme({ ...rest, signed: onBody, handshake: { ...open, signed: true, token: { query: 't' } } });
// @ts-expect-error: a challenge of any length
defineScheme({ ...rest, signed: onBody, handshake: { ...open, challenge: { query: 'c' } } });
// @ts-expect-error: a response of 301
defineScheme({ ...rest, signed: onBody, handshake: { ...open, response: { status: 301 } } });

// What only construction refuses: another form takes the same shape, or the text itself decides.

defineScheme({ ...rest, secret: rsa, signed: { ...byRsa, algorithm: { publicKey: 'rsa', hash: 'md5' } } });
defineScheme({ ...rest, signed: onBody, handshake: { ...open, when: { ...when, field: { a: 1 } } } });
defineScheme({ ...rest, signed: { ...hmac, content: 'constant' } });
defineScheme({ ...rest, signed: { ...hmac, content: 'v1[{header:x-a}.{body}]' } });
defineScheme({ ...rest, signed: { ...hmac, content: '{header:X-Id}.{body}' } });
defineScheme({ ...rest, signed: { ...timed, content: '{body}' } });
defineScheme({ ...rest, signed: { ...form, content: '{body}' } });
defineScheme({ ...rest, signed: { ...plain, content: '{body}' } });
defineScheme({ ...rest, signed: [timed, onBody] });
defineScheme({ ...rest, signed: onBody, identity: 'id' });
defineScheme({ ...rest, signed: timed, tolerance: { past: 0, future: 300 } });
