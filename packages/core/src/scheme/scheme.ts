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
export interface Scheme<K = KeyObject, Label extends string = string> {
  /** For types only, and never set: the labels of `webhook.unsignedHeaders`. */
  // A method, so that schemes with known labels and schemes with any labels can stand for each other.
  labels?(label: Label): void;
  /** Names the scheme in events and health, and is the default `endpoint`. */
  readonly name: string;
  /** Names how secrets become keys. Verifiers whose schemes have the same format can share one keyring. */
  readonly keyFormat: string;
  /** How the sender treats responses. */
  readonly delivery: DeliveryRules;
  /** `true` if the sender signs the URL that you gave it, so that the verifier needs `publicUrl`. Default: `false`. */
  readonly needsPublicUrl?: boolean;
  /** Requests by which the sender tests the endpoint, and the responses to them. */
  readonly handshake?: Handshake<K>;
  /** Which timestamp the sender signs, and how long it counts as fresh. */
  readonly freshness: Freshness;
  /**
   * Turns a secret into a key. It is called when a set is loaded, never for a request. Text is decoded; bytes are the key itself.
   * @throws `ERR_WEBHOOK_SECRETS_INVALID` with a message that says what is wrong and never contains the secret.
   */
  importKey(secret: string | Uint8Array): K;
  /**
   * Reads the head of a request, before its body is read. It must be synchronous.
   * @throws `ERR_WEBHOOK_SIGNATURE_MISSING`, `ERR_WEBHOOK_HEADER_INVALID`.
   */
  parseHead(head: RequestHead): ParsedHead<K>;
}

/** A scheme made by {@link defineScheme}. Signing tools and the table of senders read its definition. */
export interface DefinedScheme<Label extends string = string> extends Scheme<KeyObject, Label> {
  readonly definition: SchemeDefinition;
}

/** Recognizes a sender's challenge requests and makes the responses to them. A challenge is neither claimed nor handled. */
export interface Handshake<K = KeyObject> {
  /**
   * Returns the response to a challenge without a signature, made from the head of the request alone. `undefined`: it is not a challenge.
   * @throws `ERR_WEBHOOK_HEADER_INVALID` if the challenge is malformed, `ERR_WEBHOOK_SIGNATURE_MISMATCH` if its token is wrong.
   */
  respondToUnsigned(head: RequestHead, keys: readonly Key<K>[]): WebhookResponse | undefined;
  /** Whether a request may be a form by which the sender tests the endpoint without signing it, so that its small body is read. */
  mayBeForm?(head: RequestHead): boolean;
  /** Returns the response to such a form. `undefined`: it is another one. */
  respondToForm?(head: RequestHead, body: Uint8Array): WebhookResponse | undefined;
  /**
   * Returns the response to a challenge whose signature matched. `undefined`: it is not a challenge.
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
 * The moments from which and until which something is valid: milliseconds since the epoch, both included. Schemes return them, and the
 * verifier compares them with its own clock, so that no scheme reads a clock.
 */
export interface Validity {
  readonly notBefore?: number | undefined;
  readonly notAfter?: number | undefined;
}

/** A request with well-formed headers. `notBefore` and `notAfter` are those that the sender signed. */
export interface ParsedHead<K = KeyObject> extends Validity {
  /** The timestamp of a signed header, in milliseconds since the epoch. */
  readonly signedAt?: number | undefined;
  /** The key that the request names. It selects a key, never an algorithm. */
  readonly keyId?: string | undefined;
  /**
   * Returns the id of the key that the body names, if the head names none. Called if no key matches, or none is loaded yet.
   * @throws `ERR_WEBHOOK_HEADER_INVALID`, `ERR_WEBHOOK_SIGNATURE_MISMATCH` if no key could match this body.
   */
  keyIdIn?(body: Uint8Array): string | undefined;
  /** Tries every key. Returns `undefined` if none matches. Returns a promise only if it has to wait. */
  match(body: Uint8Array, keys: readonly Key<K>[]): Match | undefined | Promise<Match | undefined>;
}

/** What a matching signature covers. Its `notBefore` and `notAfter` are those of what signed it, such as a certificate. */
export interface Match extends Validity {
  readonly key: { readonly id: string; readonly role: KeyRole };
  /** The delivery's id, only if the signature covers it. */
  readonly id?: string | undefined;
  /** Signed material that is the same in every retry, or `'body'` for the body's bytes. It must not contain the signature itself. */
  readonly identity: string | 'body';
  /**
   * A time that is signed only in the body, in milliseconds since the epoch. `null` if the scheme names such a time and it can't be
   * read.
   */
  readonly signedAt?: number | null | undefined;
  /** Whether the signature covers the body. */
  readonly bodyAuthenticated: boolean;
  /** Values that the sender sends but does not sign, by label. For logs, never for decisions. */
  readonly unsignedHeaders: Readonly<Record<string, string>>;
  /** The type of the event, if the scheme knows where it is and the request says it. */
  readonly type?: string | undefined;
  /** Whether the signature covers the type. Default: `false`. */
  readonly typeAuthenticated?: boolean;
  /**
   * One of a closed list of texts, which tells apart events that have the same identity. It need not be signed: a captured delivery
   * can run once for each text of the list.
   */
  readonly splitBy?: string | undefined;
  /** The body's JSON, if the scheme had to read it, so that it is parsed only once. */
  readonly json?: { readonly value: unknown } | undefined;
}

/**
 * How long a signed time counts as fresh, in seconds each way.
 *
 * - `header`: the time is signed in a header and checked before the body is read.
 * - `body`: the time is signed only in the body and checked right after the match; `past` and `future` together are how long the
 *   delivery is remembered, so that forgetting it never reopens a replay.
 * - `none`: no time is signed, so only remembering deliveries protects against replays.
 */
export type Freshness =
  | { readonly signed: 'header' | 'body'; readonly past: number; readonly future: number }
  | { readonly signed: 'none' };
