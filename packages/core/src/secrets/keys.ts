import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { types } from 'node:util';
import type { Key, KeyRole } from '../scheme/scheme.ts';
import type { Clock } from '../util/clock.ts';
import type { KeySet } from './keyring.ts';

/** Every key is tried on every request, so their number is limited. */
export const MAX_KEYS = 8;

/** What is known about a decoded key in addition to the key itself. */
interface KeyFacts {
  readonly id: string;
  readonly role: KeyRole;
  /** SHA-256 of the decoded key. Two keys with the same fingerprint are the same key. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly notBefore?: number | undefined;
  /** Milliseconds since the epoch; the key is accepted up to and including this time. */
  readonly notAfter?: number | undefined;
  /** Kept by the keyring although the provider no longer lists it. */
  readonly retained?: boolean;
}

/** A decoded key of a set. Printing it shows its id, role and time bounds, never the key or its fingerprint. */
export class SetKey<K> implements Key<K> {
  readonly id: string;
  readonly role: KeyRole;
  readonly notBefore: number | undefined;
  readonly notAfter: number | undefined;
  readonly retained: boolean;
  readonly #key: K;
  readonly #fingerprint: string;

  constructor(key: K, facts: KeyFacts) {
    this.id = facts.id;
    this.role = facts.role;
    this.notBefore = facts.notBefore;
    this.notAfter = facts.notAfter;
    this.retained = facts.retained ?? false;
    this.#key = key;
    this.#fingerprint = facts.fingerprint;
  }

  get key(): K {
    return this.#key;
  }

  get fingerprint(): string {
    return this.#fingerprint;
  }

  /** Whether the wall clock is past the key's `notAfter`. */
  isExpired(now: number): boolean {
    return this.notAfter !== undefined && now > this.notAfter;
  }

  /** Whether the key may match a signature at this time of the wall clock. */
  isActive(now: number): boolean {
    return (this.notBefore === undefined || now >= this.notBefore) && !this.isExpired(now);
  }

  /** The same key as a replaced one that expires at `notAfter`. */
  asReplaced(id: string, notAfter: number): SetKey<K> {
    const { notBefore, fingerprint } = this;
    return new SetKey(this.#key, { id, role: 'previous', notBefore, notAfter, fingerprint, retained: true });
  }
}

// Makes a key's fingerprint differ from any other hash of the same bytes, such as the one HMAC makes of a long key.
const DOMAIN = 'countersign:key-id:1\0';
const ID_LENGTH = 12;
const DEFAULT_ID = /^[0-9a-f]{12}$/;

/** Identifies a key without containing it. */
interface KeyIdentity {
  /** SHA-256, as hex, of the decoded key under a domain tag. */
  readonly fingerprint: string;
  /** Whether the decoded key consists only of zero bytes. */
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

/** Whether a text has the form of {@link defaultKeyId}. */
function isDefaultKeyId(id: string): boolean {
  return DEFAULT_ID.test(id);
}

function keyBytes(key: KeyObject): Buffer {
  if (key.type === 'secret') return key.export();
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' });
}

/**
 * The keys that may match at this moment. Time bounds are compared with the wall clock at each call; between two bounds the
 * result is the same object, so that a call allocates nothing.
 */
export class ActiveKeys<K> {
  readonly #clock: Clock;
  readonly #maxStaleMs: number | undefined;
  #keys: readonly SetKey<K>[] = [];
  #active: readonly SetKey<K>[] = [];
  #set: KeySet<K> = Object.freeze({ sequence: 0, keys: Object.freeze([]) });
  /** Whether the result can change without a reload. */
  #timed = false;
  /** The result is right while the wall clock is in this span. */
  #from = Number.NEGATIVE_INFINITY;
  #until = Number.POSITIVE_INFINITY;
  /** By the monotonic clock. */
  #loadedAt = 0;
  #stale = false;

  /** @param maxStaleMs Beyond this age no key is active; `undefined`: any age is accepted. */
  constructor(clock: Clock, maxStaleMs: number | undefined) {
    this.#clock = clock;
    this.#maxStaleMs = maxStaleMs;
  }

  /** The active keys of this moment. */
  current(): KeySet<K> {
    if (this.#timed) {
      const now = this.#clock.now();
      if (now < this.#from || now >= this.#until || this.#isStale() !== this.#stale) this.#recompute(now);
    }
    return this.#set;
  }

  /** Whether the set is older than `maxStaleSeconds` allows. */
  get stale(): boolean {
    return this.#timed && this.#isStale();
  }

  /**
   * Replaces all keys in one step.
   *
   * @param loadedAt When the load that returned them began, by the monotonic clock.
   */
  replace(keys: readonly SetKey<K>[], loadedAt: number): void {
    this.#keys = keys;
    this.#loadedAt = loadedAt;
    this.#timed =
      (this.#maxStaleMs !== undefined && keys.length > 0) ||
      keys.some((key) => key.notBefore !== undefined || key.notAfter !== undefined);
    this.#recompute(this.#clock.now());
  }

  /** Keeps only some keys of the same load, for example those that are not revoked. */
  filter(keep: (key: SetKey<K>) => boolean): void {
    this.replace(this.#keys.filter(keep), this.#loadedAt);
  }

  #isStale(): boolean {
    return this.#maxStaleMs !== undefined && this.#clock.monotonic() - this.#loadedAt > this.#maxStaleMs;
  }

  #recompute(now: number): void {
    this.#stale = this.#isStale();
    this.#from = Number.NEGATIVE_INFINITY;
    this.#until = Number.POSITIVE_INFINITY;
    for (const { notBefore, notAfter } of this.#keys) {
      if (notBefore !== undefined) this.#bound(notBefore, now);
      if (notAfter !== undefined) this.#bound(notAfter + 1, now);
    }
    const active = this.#stale ? [] : this.#keys.filter((key) => key.isActive(now));
    // If a newer load brings equal keys, the sequence stays, but the objects are replaced: no key of an older load stays in memory.
    const sequence = this.#set.sequence + (sameKeys(active, this.#active) ? 0 : 1);
    this.#active = active;
    this.#set = Object.freeze({ sequence, keys: Object.freeze(active) });
  }

  /** Notes a time of the wall clock at which the result changes. */
  #bound(at: number, now: number): void {
    if (at <= now) this.#from = Math.max(this.#from, at);
    else this.#until = Math.min(this.#until, at);
  }
}

/** Whether both accept the same keys. Roles make no difference. */
function sameKeys<K>(some: readonly SetKey<K>[], others: readonly SetKey<K>[]): boolean {
  return (
    some.length === others.length &&
    some.every((key) =>
      others.some(({ id, fingerprint }) => id === key.id && fingerprint === key.fingerprint),
    )
  );
}

/** How often a key has matched, and when it last did. */
interface KeyUse {
  readonly matches: number;
  /** Milliseconds since the epoch. */
  readonly lastMatchAt: number | undefined;
  readonly listedSince: number | undefined;
}

interface Counter {
  readonly fingerprint: string;
  readonly listedSince: number;
  matches: number;
  lastMatchAt: number | undefined;
}

const UNUSED: KeyUse = { matches: 0, lastMatchAt: undefined, listedSince: undefined };

/** Counts matches per key. Only keys of the set are counted, so requests can't make it grow. */
export class KeyUsage {
  #counters = new Map<string, Counter>();

  /** Continues to count keys that stay, whatever their role is now. An id that now belongs to another key starts again at 0. */
  follow<K>(keys: readonly SetKey<K>[], now: number): void {
    const before = this.#counters;
    this.#counters = new Map();
    for (const { id, fingerprint } of keys) {
      const counter = before.get(id);
      const kept =
        counter?.fingerprint === fingerprint
          ? counter
          : { fingerprint, listedSince: now, matches: 0, lastMatchAt: undefined };
      this.#counters.set(id, kept);
    }
  }

  count(id: string, now: number): void {
    const counter = this.#counters.get(id);
    if (counter === undefined) return;
    counter.matches++;
    counter.lastMatchAt = now;
  }

  /** Ids of the keys that matched. */
  get matched(): readonly string[] {
    return [...this.#counters].filter(([, { matches }]) => matches > 0).map(([id]) => id);
  }

  of(id: string): KeyUse {
    return this.#counters.get(id) ?? UNUSED;
  }
}

/**
 * The keys of a new set and, with `retainPreviousSeconds`, the `current` keys that it replaced without listing them.
 *
 * @param before The keys so far. Those that were retained before stay until they expire.
 * @param now Wall clock, in milliseconds since the epoch.
 */
export function retainReplaced<K>(
  before: readonly SetKey<K>[],
  listed: readonly SetKey<K>[],
  now: number,
  retainMs: number,
): readonly SetKey<K>[] {
  if (retainMs === 0) return listed;
  const fingerprints = new Set(listed.map((key) => key.fingerprint));
  const ids = new Set(listed.map((key) => key.id));
  const retained: SetKey<K>[] = [];
  for (const key of before) {
    if (fingerprints.has(key.fingerprint) || key.isExpired(now)) continue;
    if (!key.retained && key.role !== 'current') continue;
    const notAfter = Math.min(now + retainMs, key.notAfter ?? Number.POSITIVE_INFINITY);
    // The operator's own id may belong to the newer key now.
    retained.push(key.asReplaced(ids.has(key.id) ? defaultKeyId(key.fingerprint) : key.id, notAfter));
  }
  // If there are too many, the newest stay, because `before` lists current keys before previous ones.
  retained.length = Math.min(retained.length, MAX_KEYS - listed.length);
  const next = listed.filter((key) => key.role === 'next');
  return [...listed.filter((key) => key.role !== 'next'), ...retained, ...next];
}

/** Keys that this process no longer accepts, even if later sets list them. Contains fingerprints, never keys. */
export class RevokedKeys {
  readonly #ids = new Set<string>();
  readonly #fingerprints = new Set<string>();
  readonly #prefixes = new Set<string>();

  /** The ids by which keys were revoked. */
  get ids(): readonly string[] {
    return [...this.#ids];
  }

  /** Revokes every key with this fingerprint. */
  add(id: string, fingerprint: string): void {
    this.#ids.add(id);
    this.#fingerprints.add(fingerprint);
  }

  /** Revokes a key that no set has listed yet, if its id is derived from the key. */
  addUnseen(id: string): boolean {
    if (!isDefaultKeyId(id)) return false;
    this.#ids.add(id);
    this.#prefixes.add(id);
    return true;
  }

  hasId(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Whether the key with this fingerprint is revoked. */
  has(fingerprint: string): boolean {
    if (this.#fingerprints.has(fingerprint)) return true;
    for (const prefix of this.#prefixes) if (fingerprint.startsWith(prefix)) return true;
    return false;
  }
}
