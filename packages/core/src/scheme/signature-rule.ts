import type { ContentPart } from './content-part.ts';
import type { HashName } from './secret-format.ts';

/** One way in which a sender proves a delivery: by a MAC, a hash, a public-key signature, or a token. */
export type SignatureRule = HmacRule | HashRule | PublicKeyRule | TokenRule;

/** An HMAC under the shared secret. */
export interface HmacRule extends SigningRule {
  /** Fixed here, never read from a request. */
  readonly algorithm: { readonly hmac: HashName };
}

/** A plain hash over content that holds the secret, as the part `{secret}`. */
export interface HashRule extends SigningRule {
  readonly algorithm: { readonly hash: HashName };
}

/** A signature under the sender's private key. RSA is PKCS#1 v1.5; ECDSA signatures are DER or the two numbers side by side. */
export interface PublicKeyRule extends SigningRule {
  readonly algorithm:
    | { readonly publicKey: 'ed25519' }
    | {
        readonly publicKey: 'ecdsa-p256';
        readonly hash: 'sha256';
        readonly format: 'der' | 'p1363';
      }
    | { readonly publicKey: 'rsa'; readonly hash: 'sha1' | 'sha256' | 'sha384' | 'sha512' };
}

/** The secret itself in the request: a bearer token, Basic credentials (`user:password`), a static header. It signs nothing. */
export interface TokenRule extends RuleConditions {
  readonly algorithm: { readonly token: 'constant-time' };
  readonly signature: TokenLocation;
  readonly timestamp?: undefined;
  readonly id?: undefined;
  readonly content?: undefined;
  readonly parts?: undefined;
  readonly url?: undefined;
  readonly bodyDigest?: undefined;
}

/** What every form may ask for. */
export interface RuleConditions {
  /**
   * The form is for requests with these alone: the presence of a query parameter or header, or its exact text. Others are passed on
   * to the next form.
   */
  readonly when?: {
    readonly header?: Readonly<Record<string, string | true>>;
    readonly query?: Readonly<Record<string, string | true>>;
  };
  /** Headers that must be there and say exactly this, or the request is refused. */
  readonly requiredHeaders?: Readonly<Record<string, string>>;
  /** JSON arrays of the body that must have exactly so many elements, by dotted path: what lies beyond is not signed. */
  readonly arrayLengths?: Readonly<Record<string, number>>;
  /** The header that names the key. It selects among the keys of that id; where no key has it, all are tried. */
  readonly keyId?: { readonly header: string };
}

interface SigningRule extends RuleConditions {
  readonly signature: SignatureLocation;
  /** The signed time. With both `header` and `entry`, both must be there and say the same. */
  readonly timestamp?: TimestampLocation;
  /** The signed delivery id. `uuid` is a length that cannot move: the one kind that may touch the body. */
  readonly id?: { readonly header: string; readonly format?: 'text' | 'uuid' };
  /**
   * The signed content: parts in braces, what may be absent in brackets, anything else literal. With several, each is tried: for
   * senders that sign in more than one way under one header. Brackets hold what a request may lack: `{header:…}`, `{entry:…}`,
   * `{query:…}`, `{field:…}`, `{formField:…}` and literals, dropped together where one of them is absent.
   *
   * Parts: `{body}` the bytes as received; `{timestamp}`, `{id}`, `{header:name}`, `{entry:label}` (an entry of the signature's
   * list), `{query:name}` the text as received; `{method}`; `{url}` the verifier's `publicUrl` with the query as received,
   * `{baseUrl}` the same without its query, `{path}` its path and query; `{field:a.b}` a field of the JSON body; `{formField:name}`
   * a field of a form; `{canonicalJson}` the JSON body in RFC 8785 form; `{secret}` (hashes only); and the names of `parts`.
   *
   * Everything named must be declared, and everything declared must be named: what isn't signed judges nothing.
   */
  readonly content: string | readonly [string, string, ...string[]];
  /** Parts of the content that need more than a name. */
  readonly parts?: Readonly<Record<string, ContentPart>>;
  /** How the sender writes the address it signs, where that is not simply what it was given. */
  readonly url?: UrlRules;
  /** A signed query parameter or header that must be the digest of the body: it binds the body to the signature. */
  readonly bodyDigest?: {
    readonly hash: HashName;
    readonly encoding: 'hex' | 'base64';
    readonly query: string;
  };
}

/** Differences between the address a sender was given and the one it signs. */
export interface UrlRules {
  /** `port`: tried as given, without its port, and with the default one of its protocol. */
  readonly variants?: 'port';
  /** Characters whose percent-encoding is undone before signing. */
  readonly decode?: string;
}

/** Where signatures stand and how their text is read. */
export type SignatureLocation = (
  | HeaderLocation
  | NumberedHeaderLocation
  | QueryLocation
  | FieldLocation
  | FormFieldLocation
) &
  (SingleText | ListText) & {
    /** One text is accepted per value: hex in this case (`hex-any`: in any), canonical base64. */
    readonly encoding: 'hex' | 'hex-upper' | 'hex-any' | 'base64' | 'base64url';
  };

/** Where a token stands, and how its text becomes the secret's bytes. */
export type TokenLocation = (HeaderLocation | QueryLocation | FieldLocation) & {
  /** `text`: as it is. `base64`: as HTTP Basic writes credentials. */
  readonly encoding: 'text' | 'base64';
  /** Stands before the token: `'Bearer '`. */
  readonly prefix?: string;
  readonly list?: undefined;
};

interface HeaderLocation {
  /** The header, or several that may each carry signatures. */
  readonly header: string | readonly [string, ...string[]];
  /** The header may be sent several times: each value is read. */
  readonly repeated?: true;
  readonly numberedHeader?: undefined;
  readonly query?: undefined;
  readonly field?: undefined;
  readonly formField?: undefined;
}
interface NumberedHeaderLocation {
  /** What is before the number of headers counted from 1: `x-acme-signature-`. */
  readonly numberedHeader: string;
  readonly header?: undefined;
  readonly repeated?: undefined;
  readonly query?: undefined;
  readonly field?: undefined;
  readonly formField?: undefined;
}
interface QueryLocation {
  /** The query parameter. */
  readonly query: string;
  readonly header?: undefined;
  readonly repeated?: undefined;
  readonly numberedHeader?: undefined;
  readonly field?: undefined;
  readonly formField?: undefined;
}
interface FieldLocation {
  /** The dotted path of a field of the JSON body. */
  readonly field: string;
  readonly header?: undefined;
  readonly repeated?: undefined;
  readonly numberedHeader?: undefined;
  readonly query?: undefined;
  readonly formField?: undefined;
}
interface FormFieldLocation {
  /** The field of a form body. */
  readonly formField: string;
  readonly header?: undefined;
  readonly repeated?: undefined;
  readonly numberedHeader?: undefined;
  readonly query?: undefined;
  readonly field?: undefined;
}

interface SingleText {
  /** Stands before the one signature. */
  readonly prefix?: string;
  readonly list?: undefined;
}
interface ListText {
  readonly prefix?: undefined;
  /**
   * Several entries, each `label`, `assign`, value. Entries of other labels and malformed ones are passed over. Without `label`, every
   * entry is a signature.
   */
  readonly list: SignatureList;
}

/** The grammar of a text that holds several entries. */
export interface SignatureList {
  /** One character or two. */
  readonly separator: string;
  /** One character between a label and its value. */
  readonly assign?: string;
  /** The label of signatures. */
  readonly label?: string;
  /** What stands before `assign` names the key: a signature counts for the key of that id, or, where no key has it, for any. */
  readonly keyIds?: true;
  /** Separates groups of entries, one for each secret. A time that they repeat must be the same in all. */
  readonly groups?: string;
  /** Spaces after a separator are passed over. */
  readonly blanks?: true;
  /** Fixed text before the first entry. */
  readonly start?: string;
}

/** Where the signed time stands: a header of its own, an entry of the signature's list (by label or position), both, or the query. */
export type TimestampLocation = { readonly unit: TimeUnit } & (
  | { readonly header: string; readonly entry?: string; readonly query?: undefined }
  | { readonly header?: undefined; readonly entry: string | number; readonly query?: undefined }
  | { readonly header?: undefined; readonly entry?: undefined; readonly query: string }
);

/**
 * Unix seconds or milliseconds; ISO 8601 with a zone (`iso`) or without one, meaning UTC (`iso-utc`); the date of HTTP headers
 * (`http-date`).
 */
export type TimeUnit = 's' | 'ms' | 'iso' | 'iso-utc' | 'http-date';
