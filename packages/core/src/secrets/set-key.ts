import type { Key, KeyRole } from '../scheme/scheme.ts';

/** What is known about a decoded key in addition to the key itself. */
export interface KeyFacts {
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
