import {
  createHash,
  createHmac,
  createVerify,
  type KeyObject,
  timingSafeEqual,
  verify as verifyOnce,
} from 'node:crypto';
import { parseBodyTime } from '../../freshness.ts';
import type { RequestHead } from '../../request.ts';
import type { BodyReader } from '../content/body-reader.ts';
import { type Message, messageBytes } from '../content/content-compiler.ts';
import { parameterOf } from '../content/request-query.ts';
import type { SchemeDefinition } from '../definition/scheme-definition.ts';
import type { HmacRule, PublicKeyRule, SignatureRule } from '../definition/signature-rule.ts';
import type { Key, Match } from '../scheme.ts';
import { alternativeKey } from './import-key.ts';
import { DIGEST_BYTES, MAX_HEADER_LENGTH } from './read-signatures.ts';

const NO_UNSIGNED_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

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

/** What is known of a request whose signature matched. */
export interface MatchedRequest {
  readonly key: Key;
  readonly head: RequestHead;
  readonly body: BodyReader;
  /** The signed id, from a header. */
  readonly id: string | undefined;
  /** Whether the signature covers the body. */
  readonly coversBody: boolean;
  /** Whether it covers the type of the event. */
  readonly signsType: boolean;
  /** Writes the signed content without its time, if that identifies the delivery. */
  readonly content: (() => Message) | undefined;
}

/**
 * What a matching signature covers. What is in the body or in the signed content is read when it is first needed; so are the unsigned
 * headers, because no decision depends on them.
 */
export class SignedMatch implements Match {
  readonly key: Match['key'];
  readonly bodyAuthenticated: boolean;
  readonly #request: MatchedRequest;
  readonly #definition: SchemeDefinition;
  #contentDigest: string | undefined;
  #unsignedHeaders: Match['unsignedHeaders'] | undefined;

  constructor(request: MatchedRequest, definition: SchemeDefinition) {
    this.key = { id: request.key.id, role: request.key.role };
    this.bodyAuthenticated = request.coversBody;
    this.#request = request;
    this.#definition = definition;
  }

  get id(): string | undefined {
    return this.#fieldId() ?? this.#request.id ?? this.#digestOfContent();
  }
  get identity(): string {
    const { identity } = this.#definition;
    if (identity === 'id' && this.#request.id !== undefined) return `id:${this.#request.id}`;
    if (identity === 'content') return `content:${this.#digestOfContent()}`;
    const id = this.#fieldId();
    return id === undefined ? 'body' : `id:${id}`;
  }
  get type(): string | undefined {
    const { eventType } = this.#definition;
    if (eventType === undefined) return undefined;
    if (eventType.bodyField === undefined) return onlyValueOf(this.#request.head, eventType.header);
    try {
      return idText(this.#request.body.field(eventType.bodyField));
    } catch {
      // JSON that no signature covers and that is expensive to parse.
      return undefined;
    }
  }
  get typeAuthenticated(): boolean {
    return this.#request.signsType && this.type !== undefined;
  }
  get splitBy(): string | undefined {
    const { splitBy } = this.#definition;
    const text = splitBy && onlyValueOf(this.#request.head, splitBy.header);
    return text !== undefined && splitBy?.values.includes(text) === true ? text : undefined;
  }
  get signedAt(): number | null | undefined {
    const { bodyTimestamp } = this.#definition;
    if (bodyTimestamp === undefined) return undefined;
    const { body } = this.#request;
    const value =
      bodyTimestamp.formField === undefined
        ? body.field(bodyTimestamp.field)
        : parameterOf(body.form, bodyTimestamp.formField);
    return parseBodyTime(value, bodyTimestamp.unit) ?? null;
  }
  /** Absent if the scheme reads no JSON: then the webhook parses it, without the limits for bodies that no signature covers. */
  get json(): BodyReader['json'] {
    const { identity, bodyTimestamp, multipartField, eventType } = this.#definition;
    const isRead =
      typeof identity !== 'string' ||
      identity === 'content' ||
      bodyTimestamp !== undefined ||
      multipartField !== undefined ||
      eventType?.bodyField !== undefined;
    return isRead ? this.#request.body.json : undefined;
  }
  get unsignedHeaders(): Match['unsignedHeaders'] {
    this.#unsignedHeaders ??= readUnsignedHeaders(this.#request.head, this.#definition.unsignedHeaders);
    return this.#unsignedHeaders;
  }

  #fieldId(): string | undefined {
    const { identity } = this.#definition;
    return typeof identity === 'string' ? undefined : idText(this.#request.body.field(identity.bodyField));
  }
  #digestOfContent(): string | undefined {
    const { content } = this.#request;
    if (this.#contentDigest === undefined && content !== undefined) {
      const hash = createHash('sha256');
      content().feed(hash);
      this.#contentDigest = hash.digest('hex');
    }
    return this.#contentDigest;
  }
}

function idText(value: unknown): string | undefined {
  // All lone surrogates have the same hash, so an id that contains one does not identify a delivery.
  if (typeof value === 'string' && value !== '' && !/\p{Surrogate}/u.test(value)) return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined;
}

/** A header that is repeated or is not text is left out rather than refused, because no decision depends on it. */
function readUnsignedHeaders(
  head: RequestHead,
  names: SchemeDefinition['unsignedHeaders'],
): Readonly<Record<string, string>> {
  if (names === undefined) return NO_UNSIGNED_HEADERS;
  const found: Record<string, string> = {};
  for (const [label, name] of Object.entries(names)) {
    const value = onlyValueOf(head, name);
    if (value !== undefined && value.length <= MAX_HEADER_LENGTH) found[label] = value;
  }
  return found;
}

function onlyValueOf(head: RequestHead, name: string): string | undefined {
  try {
    const values = head.values(name);
    return values.length === 1 ? values[0] : undefined;
  } catch {
    return undefined;
  }
}
