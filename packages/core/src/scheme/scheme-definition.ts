import type { HandshakeRule } from './handshake-definition.ts';
import type { DeliveryRules } from './scheme.ts';
import type { SecretFormat } from './secret-format.ts';
import type { SignatureRule } from './signature-rule.ts';

/**
 * The scheme language: how one sender signs, as data. {@link defineScheme} checks it once and makes a {@link DefinedScheme} of it.
 *
 * @example
 * ```ts
 * const acme = defineScheme({
 *   name: 'acme',
 *   secret: { encoding: 'utf8' },
 *   signed: {
 *     algorithm: { hmac: 'sha256' },
 *     signature: { header: 'acme-signature', list: { separator: ',', assign: '=', label: 'v1' }, encoding: 'hex' },
 *     timestamp: { entry: 't', unit: 's' },
 *     content: '{timestamp}.{body}',
 *   },
 *   identity: { bodyField: 'id' },
 *   delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
 * })
 * ```
 */
export interface SchemeDefinition {
  /** Stands in events, health and replay keys. */
  readonly name: string;
  /** How a secret's text becomes the key. Never guessed from the look of the text. */
  readonly secret: SecretFormat;
  /**
   * What is signed and where the signature stands. With several forms, the first one that finds its signature in the request decides,
   * and only it: put the strongest first.
   */
  readonly signed: SignatureRule | readonly [SignatureRule, ...SignatureRule[]];
  /** What stays the same over every retry of one delivery. Only what is signed can. */
  readonly identity: DeliveryIdentity;
  /** Where the only signed time is a field of the body. `past` + `future`, in seconds, is also how long a delivery is remembered. */
  readonly bodyTimestamp?: BodyTimestamp;
  /** Seconds that a signed header time may lie back or ahead. Default: 300 each. */
  readonly tolerance?: { readonly past: number; readonly future: number };
  /** Headers that the sender sends but does not sign, by the label under which `webhook.unsignedHeaders` shows them. */
  readonly unsignedHeaders?: Readonly<Record<string, string>>;
  /** The JSON of the body stands in this field of a multipart form. A body of another type is read as it is. */
  readonly multipartField?: string;
  /** Requests by which the sender tests an endpoint, and their answers. The first one that fits is taken. */
  readonly handshake?: HandshakeRule | readonly [HandshakeRule, ...HandshakeRule[]];
  /** How the sender takes answers and retries. */
  readonly delivery: DeliveryRules;
  /** Where these facts come from and which of them are assumed: printed in the table of senders. */
  readonly about?: SchemeSource;
}

/**
 * What names a delivery: the signed id; a field of the signed JSON body (the whole body where the field is absent); the body's bytes;
 * or, where parts are signed instead of the bytes, everything that is signed but the time.
 */
export type DeliveryIdentity = 'id' | 'body' | 'content' | { readonly bodyField: string };

/** The field of the body that holds the signed time. */
export type BodyTimestamp = {
  readonly unit: 's' | 'ms' | 'iso';
  readonly past: number;
  readonly future: number;
} & (
  | { readonly field: string; readonly formField?: undefined }
  | { readonly formField: string; readonly field?: undefined }
);

/** Where a definition's facts come from. */
export interface SchemeSource {
  /** The sender's name as people write it. */
  readonly sender: string;
  /**
   * How sure they are: read in the sender's own code or its tests, read in its documentation, or only in somebody else's code.
   */
  readonly confidence?: 'sender-code' | 'sender-docs' | 'third-party';
  /** Whether signatures that the sender or others published have been verified with it, or it follows the formula only. */
  readonly testedWith?: 'published-vectors' | 'sender-library' | 'formula-only';
  /** Where the sender documents it. */
  readonly sources: readonly string[];
  /** What no document of the sender says. Shown to users as assumptions. */
  readonly assumptions: readonly string[];
  /** What rotating a secret does at this sender, in one sentence. */
  readonly rotation?: string;
  /** What a user must know before relying on it. */
  readonly notes?: readonly string[];
}
