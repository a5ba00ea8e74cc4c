import { createPublicKey, type KeyObject } from 'node:crypto';

/** The members of a JWK that are a public key. No other member is read. */
const MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const;

/** The public key of a JWK, or `undefined` if it is not one. Private members are never read. */
export function publicKeyOf(jwk: unknown): KeyObject | undefined {
  if (jwk === null || typeof jwk !== 'object') return undefined;
  const key: Record<string, string> = {};
  for (const member of MEMBERS) {
    const value: unknown = Object.hasOwn(jwk, member) ? Reflect.get(jwk, member) : undefined;
    if (typeof value === 'string') key[member] = value;
  }
  // A symmetric key is not a public key, even if it has other members.
  if (key.kty !== 'RSA' && key.kty !== 'EC' && key.kty !== 'OKP') return undefined;
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** A public key as text that every scheme with public keys accepts. */
export function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString().trim();
}

/** The public key of an SPKI in DER, as base64 with or without the lines of PEM around it. `undefined` if it is not one. */
export function publicKeyOfText(text: string): KeyObject | undefined {
  const [, framed] =
    /^-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/.exec(text) ?? [];
  try {
    return createPublicKey({ key: Buffer.from(framed ?? text, 'base64'), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}
