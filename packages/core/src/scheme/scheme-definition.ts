import type { DeliveryRules } from './scheme.ts';

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
 *     timestamp: { item: 't', unit: 's' },
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
   * What is signed and where the signature stands. With several forms, the first one whose signature header is present decides,
   * and only it: put the strongest first.
   */
  readonly signed: SignedForm | readonly [SignedForm, ...SignedForm[]];
  /**
   * What stays the same over every retry of one delivery: the signed id, a field of the signed JSON body (the whole body where
   * the field is absent), or the body's bytes.
   */
  readonly identity: 'id' | 'body' | { readonly bodyField: string };
  /** Where the only signed time is a field of the body. `past` + `future`, in seconds, is also how long a delivery is remembered. */
  readonly bodyTime?: {
    readonly field: string;
    readonly unit: TimeUnit;
    readonly past: number;
    readonly future: number;
  };
  /** Seconds that a signed header time may lie back or ahead. Default: 300 each. */
  readonly tolerance?: { readonly past: number; readonly future: number };
  /** Headers that the sender sends but does not sign, by the label under which `webhook.unsigned` shows them. */
  readonly unsigned?: Readonly<Record<string, string>>;
  /** How the sender takes answers and retries. */
  readonly delivery: DeliveryRules;
  /** Where these facts come from and which of them are assumed: printed in the table of senders. */
  readonly about?: SchemeSource;
}

/** How a secret's text becomes key bytes. */
export interface SecretFormat {
  readonly encoding: 'utf8' | 'base64' | 'hex';
  /** Cut off before decoding; a secret without it is refused unless `prefixOptional`. */
  readonly prefix?: string;
  readonly prefixOptional?: boolean;
  /** The least number of decoded bytes. Default: 16. */
  readonly minBytes?: number;
}

/** One way in which a sender signs. */
export interface SignedForm {
  /** Fixed here, never read from a request. */
  readonly algorithm: { readonly hmac: 'sha1' | 'sha256' | 'sha384' | 'sha512' };
  readonly signature: SignaturePlace;
  /** The signed time. With both `header` and `item`, both must be there and say the same. */
  readonly timestamp?: TimestampPlace;
  /** The signed delivery id. */
  readonly id?: { readonly header: string };
  /**
   * The signed content: parts in braces, anything else literal. Parts: `{body}` the bytes as received, `{timestamp}` and `{id}`
   * the text as received. Everything named must be declared, and everything declared must be named: what isn't signed judges nothing.
   */
  readonly content: string;
}

/** Where signatures stand and how their text is read. */
export interface SignaturePlace {
  /** The header, or several that may each carry signatures. */
  readonly header: string | readonly [string, ...string[]];
  /** Stands before the one signature of a header. Not with `list`. */
  readonly prefix?: string;
  /**
   * A header of several entries, each `label`, `assign`, value. Entries of other labels and malformed ones are passed over.
   * Without `label`, every entry is a signature.
   */
  readonly list?: {
    readonly separator: ',' | ' ' | ';' | '&';
    readonly assign?: '=' | ',';
    readonly label?: string;
  };
  /** One text is accepted per value: hex in this case, canonical base64. */
  readonly encoding: 'hex' | 'hex-upper' | 'base64' | 'base64url';
}

/** Where the signed time stands: a header of its own, an entry of the signature's list, or both. */
export type TimestampPlace = { readonly unit: TimeUnit } & (
  | { readonly header: string; readonly item?: string }
  | { readonly header?: undefined; readonly item: string }
);

/** Unix seconds or milliseconds. */
export type TimeUnit = 's' | 'ms';

/** Where a definition's facts come from. */
export interface SchemeSource {
  /** The sender's name as people write it. */
  readonly sender: string;
  /** Where the sender documents it. */
  readonly sources: readonly string[];
  /** What no document of the sender says. Shown to users as assumptions. */
  readonly assumptions: readonly string[];
  /** What rotating a secret does at this sender, in one sentence. */
  readonly rotation?: string;
  /** What a user must know before relying on it. */
  readonly notes?: readonly string[];
}
