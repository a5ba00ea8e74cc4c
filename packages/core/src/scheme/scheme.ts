import type { KeyObject } from 'node:crypto';
import type { RequestHead } from '../request.ts';
import type { WebhookResponse } from '../response.ts';
import type { SchemeDefinition } from './definition/scheme-definition.ts';
import type { DeliveryRules } from './delivery-rules.ts';

/** The role of a key in the set: it signs now, it signed until a rotation, or it will sign next. */
export type KeyRole = 'current' | 'previous' | 'next';

/** A decoded key that may match a signature at this moment. */
export interface Key<K = KeyObject> {
  readonly id: string;
  readonly role: KeyRole;
  readonly key: K;
}

/**
 * How one sender signs and retries. Most senders are data for {@link defineScheme}; a sender that needs code implements this.
 */
export interface Scheme<K = KeyObject> {
  /** Names the scheme in events and health, and is the default `endpoint`. */
  readonly name: string;
  /** Names how secrets become keys. Verifiers whose schemes have the same format can share one keyring. */
  readonly keyFormat: string;
  /** How the sender treats responses. */
  readonly delivery: DeliveryRules;
  /** The sender signs the URL that it was given: the verifier needs `publicUrl`. */
  readonly needsPublicUrl?: boolean;
  /** Requests by which the sender tests the endpoint, and the responses to them. */
  readonly handshake?: Handshake<K>;
  /** The replay window of a delivery whose time is signed, or, without one, how long it must be remembered. */
  readonly freshness: Freshness;
  /**
   * Turns a secret into a key. It is called when a set is loaded, never for a request. Text is decoded; bytes are the key itself.
   * @throws `ERR_WEBHOOK_SECRETS_INVALID` with what is wrong, never with the value.
   */
  importKey(secret: string | Uint8Array): K;
  /**
   * Judges the headers alone. Synchronous.
   * @throws `ERR_WEBHOOK_SIGNATURE_MISSING`, `ERR_WEBHOOK_HEADER_INVALID`.
   */
  parseHead(head: RequestHead): ParsedHead<K>;
}

/** A scheme made by {@link defineScheme}: its definition is what signing tools and the table of senders read. */
export interface DefinedScheme extends Scheme {
  readonly definition: SchemeDefinition;
}

/** Knows a sender's challenge requests and the responses to them. A challenge is neither claimed nor handled. */
export interface Handshake<K = KeyObject> {
  /**
   * The response to a challenge without a signature, by the request's head alone.
   * @throws `ERR_WEBHOOK_HEADER_INVALID` if the challenge is malformed, `ERR_WEBHOOK_SIGNATURE_MISMATCH` if its token is wrong.
   */
  respondToUnsigned(head: RequestHead, keys: readonly Key<K>[]): WebhookResponse | undefined;
  /**
   * The response to a challenge whose signature matched.
   * @param body Returns the body's JSON.
   * @param key The key that matched.
   * @throws `ERR_WEBHOOK_HEADER_INVALID` if the challenge is malformed.
   */
  respondToSigned(
    head: RequestHead,
    body: () => unknown,
    key: Key<K> | undefined,
  ): WebhookResponse | undefined;
}

/**
 * The moments from which and until which something is valid: milliseconds since the epoch, both included. Schemes state them, and the
 * verifier judges them by its own clock, so that no scheme reads a clock.
 */
export interface Validity {
  readonly notBefore?: number | undefined;
  readonly notAfter?: number | undefined;
}

/** A request whose headers were found well-formed. Its `notBefore` and `notAfter` are those that the sender signed. */
export interface ParsedHead<K = KeyObject> extends Validity {
  /** When the sender signed, in milliseconds since the epoch, if a signed header says so. */
  readonly signedAt?: number | undefined;
  /** The key that the request names. It selects a key, never an algorithm. */
  readonly keyId?: string | undefined;
  /**
   * The key that the body names, if the head does not. Called if no key matches, or none is loaded yet.
   * @throws `ERR_WEBHOOK_HEADER_INVALID`, `ERR_WEBHOOK_SIGNATURE_MISMATCH` for a body that no key could help.
   */
  keyIdIn?(body: Uint8Array): string | undefined;
  /** Tries every key. Returns `undefined` if none matches, and a promise only if it must. */
  match(body: Uint8Array, keys: readonly Key<K>[]): Match | undefined | Promise<Match | undefined>;
}

/** What a matching signature covers. Its `notBefore` and `notAfter` are those of what signed it, such as a certificate. */
export interface Match extends Validity {
  readonly key: { readonly id: string; readonly role: KeyRole };
  /** The delivery's id, only if the signature covers it. */
  readonly id?: string | undefined;
  /** Signed material that is the same in every retry, or `'body'`: the body's bytes. Never unsigned, never signature bytes. */
  readonly identity: string | 'body';
  /** A time that is signed only in the body, in milliseconds since the epoch. `null` if the scheme names such a time and it can't be read. */
  readonly signedAt?: number | null | undefined;
  readonly bodyAuthenticated: boolean;
  /** What the sender says but doesn't sign: labels, never keys. */
  readonly unsignedHeaders: Readonly<Record<string, string>>;
  /** The body's JSON, if the scheme had to read it: so it is parsed once. */
  readonly json?: { readonly value: unknown } | undefined;
}

/**
 * How long a signed time counts as fresh, in seconds each way.
 *
 * - `header`: the time is signed in a header and judged before the body is read.
 * - `body`: the time is signed only in the body and judged right after the match; `past` and `future` together are how long the
 *   delivery is remembered, so that forgetting it never reopens a replay.
 * - `none`: no time is signed at all; only remembering protects.
 */
export type Freshness =
  | { readonly signed: 'header' | 'body'; readonly past: number; readonly future: number }
  | { readonly signed: 'none' };
