import { createHash, createHmac, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { WebhookError } from '../../webhook-error.ts';
import type { PublicKey, SecretByPrefix, SecretFormat, SharedSecret } from '../definition/secret-format.ts';

const MAX_RSA_BITS = 8192;
const HEX = /^(?:[0-9a-fA-F]{2})*$/;

/** Whether a format is that of a public key. */
export function isPublicKey(format: SecretFormat): format is PublicKey {
  return 'publicKey' in format && format.publicKey !== undefined;
}

/**
 * Names a format, so that verifiers of one format can share a keyring. The name must contain every difference between formats, because
 * only names are compared.
 */
export function keyFormatOf(format: SecretFormat): string {
  if (isPublicKey(format)) {
    const { publicKey, encoding, prefix = '', minBits } = format;
    return `${publicKey} ${encoding}${prefix === '' ? '' : ` after ${prefix}`}${minBits === undefined ? '' : `, ${minBits} bits or more`}`;
  }
  return sharedKinds(format).map(sharedFormatOf).join(', or ');
}

/**
 * Makes the function that turns a secret of this format into a key.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` with a message that says what is wrong and never contains the secret.
 */
export function secretImporter(format: SecretFormat): (secret: string | Uint8Array) => KeyObject {
  return isPublicKey(format)
    ? (secret) => importPublicKey(secret, format)
    : (secret) => importShared(secret, sharedKinds(format));
}

function importShared(secret: string | Uint8Array, kinds: readonly SharedSecret[]): KeyObject {
  if (typeof secret === 'string') for (const kind of kinds) refuseMistaken(secret, kind);
  // Raw bytes are a key of the kind that needs no prefix.
  const kind =
    kinds.find((each) => typeof secret === 'string' && bare(secret, each) !== undefined) ?? kinds.at(-1);
  if (kind === undefined) throw secretError('the scheme has no secret');
  const bytes = derived(typeof secret === 'string' ? decodeText(secret, kind) : secret, kind);
  return createSecretKey(bytes);
}

/**
 * The key that a sender may also make of a text secret. See {@link SharedSecret.alsoBase64After}.
 * @returns `undefined` if the secret has no such key.
 */
export function alternativeKey(key: KeyObject, prefix: string): KeyObject | undefined {
  const text = key.export().toString('utf8');
  const bytes = decodeSecret(text.startsWith(prefix) ? text.slice(prefix.length) : text, 'base64');
  return bytes === undefined || bytes.length < 16 ? undefined : createSecretKey(bytes);
}

function refuseMistaken(secret: string, { mistakenFor = {} }: Pick<SharedSecret, 'mistakenFor'>): void {
  for (const [start, what] of Object.entries(mistakenFor))
    if (secret.startsWith(start)) throw secretError(`it begins with "${start}", which is ${what}`);
}

function sharedKinds(format: SharedSecret | SecretByPrefix): readonly SharedSecret[] {
  return Array.isArray(format) ? (format as SecretByPrefix) : [format as SharedSecret];
}

/** Includes everything that decides the key, and the minimum length: one scheme must not accept what another refuses. */
function sharedFormatOf({
  encoding,
  prefix,
  prefixOptional,
  normalize,
  derive,
  minBytes = 16,
}: SharedSecret): string {
  const after =
    prefix === undefined ? '' : ` after ${prefixOptional === true ? 'an optional ' : ''}${prefix}`;
  const unicode = normalize === undefined ? '' : ` in ${normalize}`;
  const steps = (derive ?? []).map((step) => `, ${step.hash ?? `hmac ${step.hmac} over "${step.over}"`}`);
  return `hmac ${encoding}${unicode}${after}, ${minBytes} bytes or more${steps.join('')}`;
}

/** The text after the prefix, or `undefined` if a required prefix is missing. */
function bare(
  secret: string,
  { prefix, prefixOptional }: Pick<SharedSecret, 'prefix' | 'prefixOptional'>,
): string | undefined {
  if (prefix === undefined) return secret;
  if (!prefix.includes('*')) {
    if (secret.startsWith(prefix)) return secret.slice(prefix.length);
  } else {
    const pattern = prefix.split('*').map((text) => text.replace(/[^\w-]/g, '\\$&'));
    const match = new RegExp(`^${pattern.join('[A-Za-z0-9]+')}`).exec(secret);
    if (match !== null) return secret.slice(match[0].length);
  }
  return prefixOptional === true ? secret : undefined;
}

function decodeText(secret: string, kind: SharedSecret): Uint8Array {
  const text = bare(secret, kind);
  if (text === undefined)
    throw secretError(
      knownForm(secret, kind) ??
        `the text does not begin with "${kind.prefix}". Paste the whole secret, with what it begins with`,
    );
  const bytes = decodeSecret(
    kind.normalize === undefined ? text : text.normalize(kind.normalize),
    kind.encoding,
  );
  if (bytes === undefined)
    throw secretError(
      knownForm(secret, kind) ?? `the text is not ${kind.encoding}, or not in its canonical form`,
    );
  return bytes;
}

/** What a text is that can't be decoded, if it has a form in which secrets are known to be pasted. */
function knownForm(secret: string, { prefix = '' }: SharedSecret): string | undefined {
  const version = /^v[0-9]+a?,/.exec(secret)?.[0];
  if (/^(?:v1a,)?whpk_/.test(secret))
    return 'it is the public key of an asymmetric secret ("whpk_"), but this scheme uses a shared secret. Paste the one that begins with "whsec_"';
  if (secret.startsWith('whsk_'))
    return 'it is the private key with which the sender signs ("whsk_"). Ask the sender for a shared secret, which begins with "whsec_"';
  if (secret.includes('|'))
    return 'it contains "|", which joins several secrets. Pass each of them as a secret of its own: { current: [first, second] }';
  if (version !== undefined && !prefix.startsWith(version))
    return `it begins with "${version}", which is not part of the secret here. Paste what comes after it`;
  if (/^(["'])[\s\S]*\1$/.test(secret)) return 'it is enclosed in quotation marks. Paste it without them';
  if (secret !== secret.trim()) return 'it begins or ends with white space. Paste it without that';
  return undefined;
}

/**
 * The bytes of a secret's text, or `undefined` if the text is not exactly in that encoding: `Buffer.from` alone drops what it can't
 * read.
 */
function decodeSecret(text: string, encoding: SharedSecret['encoding']): Buffer | undefined {
  if (encoding === 'utf8') return Buffer.from(text, 'utf8');
  if (encoding === 'hex') return HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
  const bytes = Buffer.from(text, encoding);
  return bytes.toString(encoding) === text ? bytes : undefined;
}

function derived(bytes: Uint8Array, { derive = [], minBytes = 16 }: SharedSecret): Uint8Array {
  if (bytes.length < minBytes)
    throw secretError(`the key has ${bytes.length} bytes; it must have at least ${minBytes}`);
  let key = bytes;
  for (const step of derive) {
    key =
      step.hash === undefined
        ? createHmac(step.hmac, key).update(step.over, 'utf8').digest()
        : createHash(step.hash).update(key).digest();
  }
  return key;
}

function importPublicKey(secret: string | Uint8Array, format: PublicKey): KeyObject {
  if (typeof secret === 'string') refuseMistaken(secret, format);
  const { publicKey, encoding, prefix, minBits = 2048 } = format;
  let key: KeyObject | undefined;
  try {
    key = readPublicKey(secret, encoding, prefix);
  } catch {
    key = undefined;
  }
  if (key === undefined) throw secretError(`it is not a public key encoded as "${encoding}"`);
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  if (publicKey === 'ed25519' && type === 'ed25519') return key;
  if (publicKey === 'ecdsa-p256' && type === 'ec' && details.namedCurve === 'prime256v1') return key;
  if (publicKey === 'rsa' && type === 'rsa') {
    const { modulusLength = 0 } = details;
    if (modulusLength >= minBits && modulusLength <= MAX_RSA_BITS) return key;
    throw secretError(`the RSA key has ${modulusLength} bits; it must have ${minBits} to ${MAX_RSA_BITS}`);
  }
  throw secretError(`it is not a key of the type "${publicKey}"`);
}

function readPublicKey(
  secret: string | Uint8Array,
  encoding: PublicKey['encoding'],
  prefix = '',
): KeyObject | undefined {
  const given = typeof secret === 'string' ? secret : Buffer.from(secret).toString('latin1');
  if (typeof secret === 'string' && !given.startsWith(prefix))
    throw secretError(`the text does not begin with "${prefix}"`);
  const text = typeof secret === 'string' ? given.slice(prefix.length) : given;
  switch (encoding) {
    case 'pem':
      // createPublicKey() would also accept a private key or a certificate, and derive the public key from it.
      return /^\s*-----BEGIN (?:RSA )?PUBLIC KEY-----[\s\S]*-----END (?:RSA )?PUBLIC KEY-----\s*$/.test(text)
        ? createPublicKey({ key: text, format: 'pem' })
        : undefined;
    case 'spki': {
      const key = typeof secret === 'string' ? decodeSecret(text, 'base64') : Buffer.from(secret);
      return key && createPublicKey({ key, format: 'der', type: 'spki' });
    }
    case 'raw-hex':
    case 'raw-base64': {
      const bytes =
        typeof secret === 'string'
          ? decodeSecret(text, encoding === 'raw-hex' ? 'hex' : 'base64')
          : Buffer.from(secret);
      if (bytes?.length !== 32) return undefined;
      return createPublicKey({
        key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') },
        format: 'jwk',
      });
    }
    case 'jwk': {
      const jwk = JSON.parse(text);
      return jwk === null || typeof jwk !== 'object' || 'd' in jwk
        ? undefined
        : createPublicKey({ key: jwk, format: 'jwk' });
    }
  }
}

function secretError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', message);
}
