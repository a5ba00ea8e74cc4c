import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { WebhookError } from '@countersign/core';
import { fitsAlgorithm, isSecretAlgorithm, type JwtAlgorithm } from './jwt-algorithm.ts';
import type { JwtSchemeDefinition } from './jwt-definition.ts';
import { publicKeyOf } from './public-jwk.ts';

const PUBLIC_PEM = /^\s*-----BEGIN (?:RSA )?PUBLIC KEY-----[\s\S]*-----END (?:RSA )?PUBLIC KEY-----\s*$/;

/** What a definition says about its keys. */
type KeyRules = Pick<JwtSchemeDefinition, 'algorithms' | 'secret'>;

/** Describes how secrets become keys, so that verifiers with the same format can share a keyring. */
export function keyFormatOf({ algorithms, secret }: KeyRules): string {
  const names = [...algorithms].sort().join(' ');
  if (!isSecretAlgorithms(algorithms)) return `jwt ${names}, public key`;
  const { encoding = 'utf8', minBytes = 16 } = secret ?? {};
  return `jwt ${names}, ${encoding}, ${minBytes} bytes or more`;
}

/**
 * Turns a secret into a key of the kind that the definition needs, and of no other kind.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` with what is wrong, never with the value.
 */
export function importKey(input: string | Uint8Array, definition: KeyRules): KeyObject {
  const { algorithms } = definition;
  const key = isSecretAlgorithms(algorithms) ? importSecret(input, definition) : importPublicKey(input);
  if (algorithms.some((algorithm) => fitsAlgorithm(key, algorithm))) return key;
  throw secretError(`the key is not of the kind that ${algorithms.join(', ')} needs`);
}

function isSecretAlgorithms(algorithms: readonly JwtAlgorithm[]): boolean {
  return algorithms.every(isSecretAlgorithm);
}

function importSecret(input: string | Uint8Array, { secret }: KeyRules): KeyObject {
  const { encoding = 'utf8', minBytes = 16 } = secret ?? {};
  // A public key is not secret: an attacker could sign a token with it.
  if (Buffer.from(input).toString('latin1').trimStart().startsWith('-----BEGIN'))
    throw secretError('it is a key or certificate in PEM form, but the scheme needs a shared secret');
  if (isJwk(input)) throw secretError('it is a key as JSON (JWK), but the scheme needs a shared secret');
  const bytes = typeof input === 'string' ? decode(input, encoding) : Buffer.from(input);
  if (bytes === undefined) throw secretError(`the text is not ${encoding}, or not in its canonical form`);
  if (bytes.length < minBytes)
    throw secretError(`the key has ${bytes.length} bytes, but it must have at least ${minBytes}`);
  return createSecretKey(bytes);
}

function isJwk(input: string | Uint8Array): boolean {
  try {
    return Object.hasOwn(JSON.parse(Buffer.from(input).toString('utf8')), 'kty');
  } catch {
    return false;
  }
}

function decode(text: string, encoding: 'utf8' | 'base64' | 'hex'): Buffer | undefined {
  const bytes = Buffer.from(text, encoding);
  if (encoding === 'utf8') return bytes;
  return bytes.toString(encoding) === (encoding === 'hex' ? text.toLowerCase() : text) ? bytes : undefined;
}

function importPublicKey(input: string | Uint8Array): KeyObject {
  const text = typeof input === 'string' ? input : Buffer.from(input).toString('utf8');
  let key: KeyObject | undefined;
  try {
    // createPublicKey() would also accept a private key and a certificate.
    if (PUBLIC_PEM.test(text)) key = createPublicKey({ key: text, format: 'pem' });
    else if (text.startsWith('{')) key = readJwk(text);
  } catch {
    key = undefined;
  }
  if (key === undefined)
    throw secretError('it is not a public key: neither PEM ("PUBLIC KEY") nor a JWK without private members');
  return key;
}

function readJwk(text: string): KeyObject | undefined {
  const jwk: unknown = JSON.parse(text);
  return jwk === null || typeof jwk !== 'object' || 'd' in jwk ? undefined : publicKeyOf(jwk);
}

function secretError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', message);
}
