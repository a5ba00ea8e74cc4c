import { createHash, createHmac, type KeyObject, sign } from 'node:crypto';

/** The two readable segments of a token. */
export interface TokenParts {
  header: Record<string, unknown>;
  claims: unknown;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token signed by the formula of RFC 7515, with any header and claims. */
export function signToken({ header, claims }: TokenParts, key: KeyObject | string): string {
  const content = `${encode(header)}.${encode(claims)}`;
  return `${content}.${signatureOf(content, key).toString('base64url')}`;
}

function signatureOf(content: string, key: KeyObject | string): Buffer {
  if (typeof key === 'string') return createHmac('sha256', key).update(content).digest();
  const type = key.asymmetricKeyType;
  if (type === 'ec') return sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' });
  return sign(type === 'ed25519' ? null : 'sha256', Buffer.from(content), key);
}

/** The SHA-256 of a body in a claim. */
export function digestOf(body: string | Uint8Array, encoding: 'hex' | 'base64' | 'base64url'): string {
  return createHash('sha256').update(body).digest(encoding);
}
