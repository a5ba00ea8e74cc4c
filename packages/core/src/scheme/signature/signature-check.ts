import {
  createHash,
  createHmac,
  createVerify,
  type KeyObject,
  timingSafeEqual,
  verify as verifyOnce,
} from 'node:crypto';
import { type Message, messageBytes } from '../content/content-compiler.ts';
import type { HmacRule, PublicKeyRule, SignatureRule } from '../definition/signature-rule.ts';
import type { Key } from '../scheme.ts';
import { alternativeKey } from './import-key.ts';
import { DIGEST_BYTES } from './read-signatures.ts';

/** The signatures of one request. */
export interface Signatures {
  readonly signatures: readonly Uint8Array[];
  /** The key that each signature names, if the list names keys. */
  readonly keyIds: readonly string[] | undefined;
}

/**
 * Returns the key for which one of the signatures is valid. Every signature is tried with every key, without early exit, so that the
 * time taken does not show which key signed. A MAC is computed once for each key.
 */
export type FindKey = (keys: readonly Key[], given: Signatures, message: Message) => Key | undefined;

/** The length of a rule's signatures in bytes, or 0 if it depends on the key. */
export function signatureLength({ algorithm }: SignatureRule): number {
  if ('hmac' in algorithm) return DIGEST_BYTES[algorithm.hmac];
  if ('hash' in algorithm && !('publicKey' in algorithm)) return DIGEST_BYTES[algorithm.hash];
  if ('publicKey' in algorithm && (algorithm.publicKey === 'ed25519' || isP1363(algorithm))) return 64;
  return 0;
}

/**
 * Makes the check of a rule's signatures.
 *
 * @param alsoBase64After See `SharedSecret.alsoBase64After`.
 */
export function compileSignatureCheck({ algorithm }: SignatureRule, alsoBase64After?: string): FindKey {
  if ('hmac' in algorithm)
    return alsoBase64After === undefined
      ? byMac(hmacOf(algorithm.hmac))
      : withAlternative(byMac(hmacOf(algorithm.hmac)), alsoBase64After);
  if ('token' in algorithm) return byMac(digestOf(), sha256);
  if ('publicKey' in algorithm) return bySignature(verifierOf(algorithm));
  const { hash } = algorithm;
  return byMac((key, message) => {
    const digest = createHash(hash);
    message.feed(digest, key.export());
    return digest.digest();
  });
}

/** The keys that may match: those with the id that the request names, or all keys if none has it. */
export function keysNamed(keys: readonly Key[], keyId: string | undefined): readonly Key[] {
  if (keyId === undefined) return keys;
  const named = keys.filter(({ id }) => id === keyId);
  return named.length === 0 ? keys : named;
}

function hmacOf(hash: HmacRule['algorithm']['hmac']): (key: KeyObject, message: Message) => Buffer {
  return (key, message) => {
    const hmac = createHmac(hash, key);
    message.feed(hmac);
    // As a Buffer, the digest would be allocated outside of the heap, which costs a quarter of a small MAC. Text avoids that.
    return Buffer.from(hmac.digest('binary'), 'latin1');
  };
}

/** The digests of secrets, each computed once. */
function digestOf(): (key: KeyObject) => Buffer {
  const digests = new WeakMap<KeyObject, Buffer>();
  return (key) => {
    const known = digests.get(key);
    if (known !== undefined) return known;
    const digest = sha256(key.export());
    digests.set(key, digest);
    return digest;
  };
}

/** Also tries the other key that each secret stands for. */
function withAlternative(find: FindKey, prefix: string): FindKey {
  // Decoded once for each secret; `null` if the secret stands for no other key.
  const known = new WeakMap<KeyObject, KeyObject | null>();
  const alternativeOf = (key: KeyObject) => {
    const found = known.get(key) ?? (known.has(key) ? null : (alternativeKey(key, prefix) ?? null));
    known.set(key, found);
    return found;
  };
  return (keys, given, message) => {
    const direct = find(keys, given, message);
    const others = keys.flatMap(({ id, role, key }) => {
      const other = alternativeOf(key);
      return other === null ? [] : [{ id, role, key: other }];
    });
    const other = find(others, given, message);
    return direct ?? keys.find(({ id }) => id === other?.id);
  };
}

function byMac(
  mac: (key: KeyObject, message: Message) => Uint8Array,
  read?: (signature: Uint8Array) => Uint8Array,
): FindKey {
  return (keys, { signatures, keyIds }, message) => {
    let match: Key | undefined;
    for (const key of keys) {
      const expected = mac(key.key, message);
      for (let index = 0; index < signatures.length; index++) {
        const value = signatures[index];
        if (value === undefined || !timingSafeEqual(expected, read === undefined ? value : read(value)))
          continue;
        if (match === undefined && isFor(key, keyIds?.[index], keys)) match = key;
      }
    }
    return match;
  };
}

function bySignature(verify: (key: KeyObject, message: Message, signature: Uint8Array) => boolean): FindKey {
  return (keys, { signatures, keyIds }, message) => {
    let match: Key | undefined;
    for (const key of keys) {
      for (let index = 0; index < signatures.length; index++) {
        const value = signatures[index];
        if (value === undefined || !verify(key.key, message, value)) continue;
        if (match === undefined && isFor(key, keyIds?.[index], keys)) match = key;
      }
    }
    return match;
  };
}

function isFor(key: Key, keyId: string | undefined, keys: readonly Key[]): boolean {
  return keyId === undefined || key.id === keyId || keys.every(({ id }) => id !== keyId);
}

function verifierOf(
  algorithm: PublicKeyRule['algorithm'],
): (key: KeyObject, message: Message, signature: Uint8Array) => boolean {
  if (algorithm.publicKey === 'ed25519') {
    return (key, message, signature) => verifyOnce(null, messageBytes(message), key, signature);
  }
  const { hash } = algorithm;
  const dsaEncoding = isP1363(algorithm) ? 'ieee-p1363' : 'der';
  return (key, message, signature) => {
    const verification = createVerify(hash);
    message.feed(verification);
    return verification.verify({ key, dsaEncoding }, signature);
  };
}

function isP1363(algorithm: PublicKeyRule['algorithm']): boolean {
  return algorithm.publicKey === 'ecdsa-p256' && algorithm.format === 'p1363';
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
