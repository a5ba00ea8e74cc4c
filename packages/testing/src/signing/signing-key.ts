import {
  createHash,
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign as signOnce,
} from 'node:crypto';
import type { DefinedScheme, SignatureRule } from '@countersign/core';
import type { PublicKey, SecretByPrefix, SecretFormat, SharedSecret } from '@countersign/core/extend';

/** The keys of a sender and its receiver. */
export interface SigningKeys {
  /** For `createVerifier({ secrets })`: the shared secret, or the public key as the scheme writes it. */
  secret: string | Uint8Array;
  /** For {@link sign}: the same shared secret, or the private key as PEM. */
  signingSecret: string;
}

/**
 * Makes a secret, or a key pair, as the scheme's sender would.
 *
 * @example
 * ```ts
 * const { secret, signingSecret } = generateSigningKeys(discord())
 * const verifier = createVerifier({ scheme: discord(), secrets: secret })
 * const { headers, body } = sign(discord(), { secret: signingSecret, body: '{"type":1}' })
 * ```
 */
export function generateSigningKeys({ definition }: Pick<DefinedScheme, 'definition'>): SigningKeys {
  const { secret: format } = definition;
  if (isPublicKey(format)) return generatePair(format);
  const kind = sharedKinds(format)[0];
  const { encoding = 'utf8', prefix = '', minBytes = 16 } = kind ?? {};
  const bytes = randomBytes(Math.max(32, minBytes));
  const text = encoding === 'utf8' ? bytes.toString('base64url') : bytes.toString(encoding);
  const secret = `${prefix.replaceAll('*', 'test')}${text}`;
  return { secret, signingSecret: secret };
}

/** Signs bytes with a secret as the rule says. If the rule hashes the secret, the content must contain it. */
export function signBytes(
  rule: SignatureRule,
  format: SecretFormat,
  secret: string | Uint8Array,
  content: Uint8Array,
): Buffer {
  const { algorithm } = rule;
  if ('hmac' in algorithm)
    return createHmac(algorithm.hmac, sharedKey(secret, format)).update(content).digest();
  if ('token' in algorithm) return Buffer.from(sharedKey(secret, format));
  if (!('publicKey' in algorithm)) return createHash(algorithm.hash).update(content).digest();
  const key = privateKey(secret);
  if (algorithm.publicKey === 'ed25519') return signOnce(null, content, key);
  if (algorithm.publicKey === 'rsa') return signOnce(algorithm.hash, content, key);
  const dsaEncoding = algorithm.format === 'der' ? 'der' : 'ieee-p1363';
  return signOnce(algorithm.hash, content, { key, dsaEncoding });
}

/** The bytes of a shared secret. */
export function sharedKey(secret: string | Uint8Array, format: SecretFormat): Uint8Array {
  if (isPublicKey(format)) throw new TypeError('This scheme has no shared secret.');
  const kinds = sharedKinds(format);
  const kind =
    (typeof secret === 'string'
      ? kinds.find(({ prefix }) => prefix !== undefined && startsWith(secret, prefix))
      : undefined) ?? kinds[kinds.length - 1];
  if (kind === undefined) throw new TypeError('This scheme has no shared secret.');
  let key: Uint8Array = typeof secret === 'string' ? decode(secret, kind) : secret;
  for (const step of kind.derive ?? []) {
    key =
      step.hash === undefined
        ? createHmac(step.hmac, key).update(step.over).digest()
        : createHash(step.hash).update(key).digest();
  }
  return key;
}

function decode(secret: string, { encoding, prefix, normalize }: SharedSecret): Uint8Array {
  const bare =
    prefix !== undefined && startsWith(secret, prefix) ? secret.replace(prefixPattern(prefix), '') : secret;
  return Buffer.from(normalize === undefined ? bare : bare.normalize(normalize), encoding);
}

function startsWith(secret: string, prefix: string): boolean {
  return prefixPattern(prefix).test(secret);
}

function prefixPattern(prefix: string): RegExp {
  return new RegExp(`^${prefix.replace(/[^\w*-]/g, '\\$&').replaceAll('*', '[A-Za-z0-9]+')}`);
}

function privateKey(secret: string | Uint8Array): KeyObject {
  return createPrivateKey(typeof secret === 'string' ? secret : Buffer.from(secret));
}

function isPublicKey(format: SecretFormat): format is PublicKey {
  return 'publicKey' in format && format.publicKey !== undefined;
}

function sharedKinds(format: SharedSecret | SecretByPrefix): readonly SharedSecret[] {
  return Array.isArray(format) ? (format as SecretByPrefix) : [format as SharedSecret];
}

function generatePair(format: PublicKey): SigningKeys {
  const { publicKey, privateKey: secretKey } =
    format.publicKey === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : format.publicKey === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    secret: writePublicKey(publicKey, format),
    signingSecret: secretKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function writePublicKey(key: KeyObject, { encoding, prefix = '' }: PublicKey): string | Uint8Array {
  const raw = () => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
  switch (encoding) {
    case 'pem':
      return prefix + key.export({ type: 'spki', format: 'pem' }).toString().trim();
    case 'spki':
      return prefix + key.export({ type: 'spki', format: 'der' }).toString('base64');
    case 'raw-hex':
      return prefix + raw().toString('hex');
    case 'raw-base64':
      return prefix + raw().toString('base64');
    case 'jwk':
      return Buffer.from(JSON.stringify(key.export({ format: 'jwk' })));
  }
}
