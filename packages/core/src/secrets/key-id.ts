import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { types } from 'node:util';

// Makes a key's fingerprint differ from any other hash of the same bytes, such as the one HMAC makes of a long key.
const DOMAIN = 'countersign:key-id:1\0';
const ID_LENGTH = 12;
const DEFAULT_ID = /^[0-9a-f]{12}$/;

/** Tells one key from another without containing it. */
export interface KeyIdentity {
  /** SHA-256, as hex, of the decoded key under a domain tag. */
  readonly fingerprint: string;
  /** Whether the decoded key is nothing but zeros. */
  readonly zero: boolean;
}

/**
 * Identifies a decoded key: a secret by its bytes, a public key by its SPKI encoding. A key that is not a `KeyObject` is
 * identified by the secret that it was made of.
 */
export function identifyKey(key: unknown, secret: string | Uint8Array): KeyIdentity {
  const bytes = types.isKeyObject(key) ? keyBytes(key) : Buffer.from(secret);
  const fingerprint = createHash('sha256').update(DOMAIN).update(bytes).digest('hex');
  const zero = bytes.every((byte) => byte === 0);
  bytes.fill(0);
  return { fingerprint, zero };
}

/** The id of a key that has no id of its own. */
export function defaultKeyId(fingerprint: string): string {
  return fingerprint.slice(0, ID_LENGTH);
}

/** Whether a text can be such an id. */
export function isDefaultKeyId(id: string): boolean {
  return DEFAULT_ID.test(id);
}

function keyBytes(key: KeyObject): Buffer {
  if (key.type === 'secret') return key.export();
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' });
}
