import type { DeliveryRules } from '../delivery-rules.ts';
import type { HashName, SecretFormat } from './secret-format.ts';
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
  /** Names the scheme in events, health and replay keys. */
  readonly name: string;
  /** How a secret's text becomes the key. This is never guessed from the text. */
  readonly secret: SecretFormat;
  /**
   * What the sender signs, and where its signature is. With several rules, the first rule that finds its signature in the request
   * decides alone: put the strongest rule first.
   */
  readonly signed: SignatureRule | readonly [SignatureRule, ...SignatureRule[]];
  /** What is the same in every retry of a delivery. It must be signed. */
  readonly identity: DeliveryIdentity;
  /** The field of the body that contains the only signed time. Deliveries are remembered for `past` + `future` seconds at least. */
  readonly bodyTimestamp?: BodyTimestamp;
  /** How old a signed time in a header may be, and how far in the future, in seconds. Default: 300 each. */
  readonly tolerance?: { readonly past: number; readonly future: number };
  /** Headers that the sender sends but does not sign, by the label under which `webhook.unsignedHeaders` shows them. */
  readonly unsignedHeaders?: Readonly<Record<string, string>>;
  /** Where the type of an event is, which `webhook.type` shows. Whether it is signed follows from `signed`. */
  readonly eventType?: EventTypeLocation;
  /**
   * Runs a delivery once for each of these texts of a header, although the sender does not sign the header: for senders that send two
   * events with the same body. Only with the identity `body` or `content`.
   */
  readonly splitBy?: SplitBy;
  /** The field of a multipart form that contains the JSON. A body of another type is read as it is. */
  readonly multipartField?: string;
  /**
   * A form may also be multipart: then `{formField:…}` reads its fields, except files. Only for content of single fields, because files
   * would not be signed.
   */
  readonly multipartForm?: true;
  /** Requests by which the sender tests an endpoint, and the responses to them. The first rule that fits decides. */
  readonly handshake?: HandshakeRule | readonly [HandshakeRule, ...HandshakeRule[]];
  /** How the sender treats responses, and when it retries. */
  readonly delivery: DeliveryRules;
  /** Where these facts come from and which of them are assumed. The published packages leave it out; the pages of the senders show it. */
  readonly about?: SchemeSource;
}

/**
 * What identifies a delivery. It must be the same in every retry, and signed.
 *
 * - `id`: the signed id.
 * - `body`: the bytes of the body.
 * - `bodyField`: a field of the JSON body, or the whole body if the field is absent. The signature must cover the bytes of the body.
 * - `content`: everything that is signed except the time. Use it if the sender signs parts of the request instead of the bytes of the
 *   body, or the method or URL in addition to them.
 */
export type DeliveryIdentity = 'id' | 'body' | 'content' | { readonly bodyField: string };

/** The field of the body that contains the signed time. */
export type BodyTimestamp = {
  readonly unit: 's' | 'ms' | 'iso';
  readonly past: number;
  readonly future: number;
} & (
  | { readonly field: string; readonly formField?: undefined }
  | { readonly formField: string; readonly field?: undefined }
);

/** The header, or the dotted path of the field of the JSON body, whose text is the type of the event. */
export type EventTypeLocation =
  | { readonly header: string; readonly bodyField?: undefined }
  | { readonly bodyField: string; readonly header?: undefined };

/**
 * A header that tells events with the same body apart. The list of its texts is closed: any other text counts as none, so that an
 * attacker who captured a delivery can run it once for each of them, and no more.
 */
export interface SplitBy {
  readonly header: string;
  readonly values: readonly [string, ...string[]];
}

/** Where a definition's facts come from. */
export interface SchemeSource {
  /** The sender's name as people write it. */
  readonly sender: string;
  /**
   * How sure the facts are: read in the sender's own code or its tests, in its documentation, or only in third-party code.
   */
  readonly confidence?: 'sender-code' | 'sender-docs' | 'third-party';
  /** Whether the definition was tested with signatures that the sender or others published, or follows the formula only. */
  readonly testedWith?: 'published-vectors' | 'sender-library' | 'formula-only';
  /** The package of the sender that the definition was tested with, if `testedWith` is `'sender-library'`. */
  readonly library?: string;
  /**
   * Where the rules in `delivery` about retries come from: the sender's documentation, its public code, or nowhere. Never guessed: if
   * they are unknown, `delivery.retries` is `'unknown'`, or `assumptions` says what is assumed.
   */
  readonly retryRules?: 'documented' | 'read-in-code' | 'unknown';
  /** The day on which these facts were last compared with their sources, as `2026-12-01`. */
  readonly checkedOn?: string;
  /** What was not compared or not found on that day, in whole sentences. */
  readonly notFound?: string;
  /** Where the sender shows the secret, in its dashboard or API. */
  readonly secretFrom?: string;
  /** Where the sender documents it. */
  readonly sources: readonly string[];
  /** What the definition assumes because the sender does not document it. Shown to users. */
  readonly assumptions: readonly string[];
  /** What rotating a secret does at this sender, in one sentence. */
  readonly rotation?: string;
  /** What a user must know before relying on it. */
  readonly notes?: readonly string[];
}

/**
 * A request by which a sender tests or registers an endpoint, and the response to it. The verifier responds without running the
 * handler, and claims nothing.
 *
 * With `signed: true` the request is first verified like any delivery. Otherwise the verifier makes the response from the method, headers
 * and query alone, and does not read the body, unless `when.form` asks for a small one.
 */
export type HandshakeRule = SignedHandshake | UnsignedHandshake;

interface SignedHandshake extends HandshakeResponse {
  readonly signed: true;
  readonly when: HandshakeConditions & {
    /** Fields of the JSON body, by dotted path. */
    readonly field?: Readonly<Record<string, string | number>>;
  };
  readonly challenge?: ChallengeLimits &
    (ChallengeInHead | { readonly field: string; readonly query?: undefined; readonly header?: undefined });
  readonly token?: undefined;
}

interface UnsignedHandshake extends HandshakeResponse {
  readonly signed: false;
  readonly when: HandshakeConditions & {
    readonly method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST';
    /**
     * Fields of a form in the body of a POST, for senders that test an endpoint with a form and sign nothing. The body is read only if the
     * request has no signature and says that it is a form of at most 1,024 bytes. The response must contain nothing of the request.
     */
    readonly form?: Readonly<Record<string, string | true>>;
  };
  readonly challenge?: ChallengeLimits & ChallengeInHead;
  /** A query parameter that must be a text agreed with the sender. The definition contains only its SHA-256 in hex. */
  readonly token?: { readonly query: string; readonly sha256: string };
}

/** How a handshake is recognized: everything that is named must be there. `true` means any text. */
export interface HandshakeConditions {
  readonly method?: 'GET' | 'HEAD' | 'OPTIONS' | 'POST';
  readonly header?: Readonly<Record<string, string | true>>;
  readonly query?: Readonly<Record<string, string | true>>;
}

type ChallengeInHead =
  | { readonly query: string; readonly header?: undefined; readonly field?: undefined }
  | { readonly header: string; readonly query?: undefined; readonly field?: undefined };

/** What a challenge may contain. Any other is refused: a response must not sign or repeat a text of the attacker's choice. */
export interface ChallengeLimits {
  /** `visible`: ASCII without spaces and controls; `printable`: with spaces. */
  readonly characters: 'hex' | 'digits' | 'base64' | 'word' | 'visible' | 'printable';
  readonly maxLength: number;
}

interface HandshakeResponse {
  /**
   * Makes `{mac}` of the challenge, or of `over`, which may contain `{challenge}` and `{url}`. The key is the one that matched, or the
   * current one if the request is not signed.
   */
  readonly mac?: {
    readonly hmac?: HashName;
    readonly hash?: HashName;
    readonly encoding: 'hex' | 'base64';
    readonly over?: string;
  };
  /** Texts may contain `{challenge}`, `{mac}` and `{keyId}`. */
  readonly response: {
    /** Default: 200. */
    readonly status?: 200 | 204;
    /** Sent as `text/plain`. */
    readonly text?: string;
    readonly json?: Readonly<Record<string, string | number | boolean>>;
    readonly headers?: Readonly<Record<string, string>>;
  };
}
