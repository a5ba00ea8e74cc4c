import type { HashName } from './secret-format.ts';

/** One way in which a sender signs a delivery: by a MAC, a hash, a public-key signature, or a token. */
export type SignatureRule = HmacRule | HashRule | PublicKeyRule | TokenRule;

/** An HMAC under the shared secret. */
export interface HmacRule extends SigningRule {
  /** Fixed here, never read from a request. */
  readonly algorithm: { readonly hmac: HashName };
}

/** A plain hash over content that contains the secret, as the part `{secret}`. */
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
  readonly safeBecause?: undefined;
}

/** What every rule may require of a request. */
export interface RuleConditions {
  /**
   * The rule is only for requests with these headers and query parameters: with the exact text, or with any text if the value is
   * `true`. Other requests are left to the next rule.
   */
  readonly when?: {
    readonly header?: Readonly<Record<string, string | true>>;
    readonly query?: Readonly<Record<string, string | true>>;
  };
  /** Headers that must have exactly this text, or the request is refused. */
  readonly requiredHeaders?: Readonly<Record<string, string>>;
  /** JSON arrays of the body that must have exactly this number of elements, by dotted path: further elements are not signed. */
  readonly arrayLengths?: Readonly<Record<string, number>>;
  /** The header that names the key. Only keys of that id are tried, or all keys if none has the id. */
  readonly keyId?: { readonly header: string };
}

interface SigningRule extends RuleConditions {
  readonly signature: SignatureLocation;
  /** The signed time. With both `header` and `entry`, both must be there with the same text. */
  readonly timestamp?: TimestampLocation;
  /** The signed delivery id. Only a `uuid` may be right beside the body, because its length is fixed. */
  readonly id?: { readonly header: string; readonly format?: 'text' | 'uuid' };
  /**
   * The signed content: parts in braces, optional text in brackets, everything else literal. With several templates, each is tried, for
   * senders that sign in more than one way under one header. Brackets contain parts that a request may leave out: `{header:…}`,
   * `{entry:…}`, `{query:…}`, `{lowerQuery:…}`, `{field:…}`, `{formField:…}` and literals. If one of them is absent, the whole bracket is left out.
   *
   * Parts: `{body}` the bytes as received; `{timestamp}`, `{id}`, `{header:name}`, `{entry:label}` (an entry of the signature's
   * list), `{query:name}` the text as received; `{lowerQuery:name}` the same in lower case; `{method}`; `{url}` the verifier's `publicUrl` with the query as received,
   * `{baseUrl}` the same without its query, `{path}` its path and query; `{field:a.b}` a field of the JSON body; `{formField:name}`
   * a field of a form; `{canonicalJson}` the JSON body in RFC 8785 form; `{secret}` (hashes only); and the names of `parts`.
   *
   * Declare every part that you use, and use every part that you declare: an unsigned value can't be trusted.
   *
   * The content must show where each part ends, so that no two requests have the same signature: put a literal between two texts.
   * See `safeBecause`.
   */
  readonly content: string | readonly [string, string, ...string[]];
  /**
   * Why this sender's content is safe although it does not show where one part ends and the next begins: an attacker who captured a
   * delivery could move text from one part to the other. State what limits the damage; the text becomes part of the sender's page.
   */
  readonly safeBecause?: string;
  /** Parts of the content that need more than a name. */
  readonly parts?: Readonly<Record<string, ContentPart>>;
  /** How the sender writes the URL that it signs, if it does not sign the URL as given. */
  readonly url?: UrlRules;
  /** A signed query parameter that must be the digest of the body: it binds the body to the signature. */
  readonly bodyDigest?: {
    readonly hash: HashName;
    readonly encoding: 'hex' | 'base64';
    readonly query: string;
  };
}

/** Differences between the URL that a sender was given and the one it signs. */
export interface UrlRules {
  /** `port`: the URL is tried as given, without its port, and with the default port of its protocol. */
  readonly variants?: 'port';
  /** Characters whose percent-encoding is undone before signing. */
  readonly decode?: string;
}

/** Where signatures are, and how their text is read. */
export type SignatureLocation = (
  | HeaderLocation
  | NumberedHeaderLocation
  | QueryLocation
  | FieldLocation
  | FormFieldLocation
) &
  (SingleText | ListText) & {
    /** Each value has only one accepted text: hex in the given case (`hex-any`: in either case), or canonical base64. */
    readonly encoding: 'hex' | 'hex-upper' | 'hex-any' | 'base64' | 'base64url';
  };

/** Where a token is, and how its text becomes the secret's bytes. */
export type TokenLocation = (HeaderLocation | QueryLocation | FieldLocation) & {
  /** `text`: as it is. `base64`: as HTTP Basic writes credentials. */
  readonly encoding: 'text' | 'base64';
  /** The text before the token: `'Bearer '`. */
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
  /** The name before the number of each header, counted from 1: `x-acme-signature-`. */
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
  /** The text before the only signature. */
  readonly prefix?: string;
  readonly list?: undefined;
}
interface ListText {
  readonly prefix?: undefined;
  /**
   * Several entries, each of them `label`, `assign`, value. Entries with other labels and malformed entries are ignored. Without
   * `label`, every entry is a signature.
   */
  readonly list: SignatureList;
}

/** The grammar of a text that contains several entries. */
export interface SignatureList {
  /** One character or two. */
  readonly separator: string;
  /** One character between a label and its value. */
  readonly assign?: string;
  /** The label of signatures. */
  readonly label?: string;
  /** The text before `assign` is the id of a key: the signature counts only for that key, or for any key if none has the id. */
  readonly keyIds?: true;
  /** Separates groups of entries, one for each secret. A time that they repeat must be the same in all. */
  readonly groups?: string;
  /** Spaces after a separator are ignored. */
  readonly blanks?: true;
  /** Fixed text before the first entry. */
  readonly start?: string;
}

/**
 * Where the signed time is: in a header of its own, in an entry of the signature's list (by label or position), in both, or in the
 * query.
 */
export type TimestampLocation = { readonly unit: TimeUnit } & (
  | { readonly header: string; readonly entry?: string; readonly query?: undefined }
  | { readonly header?: undefined; readonly entry: string | number; readonly query?: undefined }
  | { readonly header?: undefined; readonly entry?: undefined; readonly query: string }
);

/**
 * The unit of a signed time.
 *
 * - `s`, `ms`: Unix seconds or milliseconds.
 * - `s-or-ms`: either of them; 12 digits or more are milliseconds.
 * - `iso`, `iso-utc`: ISO 8601 with a time zone, or without one, which means UTC.
 * - `http-date`: the date of HTTP headers.
 */
export type TimeUnit = 's' | 'ms' | 's-or-ms' | 'iso' | 'iso-utc' | 'http-date';

/** A part of the signed content that needs more than a name. */
export type ContentPart = BodyDigestPart | SortedPart | FieldsPart | ListedHeadersPart;

/** The digest of the body. `binary`: its bytes. */
export interface BodyDigestPart {
  readonly digest: HashName;
  readonly encoding: 'hex' | 'base64' | 'base64url' | 'binary';
}

/** All parameters of the query or of a form body, sorted by name. */
export interface SortedPart {
  readonly sorted: 'query' | 'form';
  /** How one of them is written: `{name}`, `{value}` and literals. */
  readonly pair: string;
  /** The text between two of them. Default: none. */
  readonly join?: string;
  /** Names that are left out, such as the signature's own. */
  readonly omit?: readonly string[];
  /** Equal values of a name are written once, and the values of a name are sorted. */
  readonly unique?: true;
  /** `decoded` (default), or with the percent-encoding `as-received`. */
  readonly text?: 'decoded' | 'as-received';
  /** Characters of values that are replaced. */
  readonly replace?: { readonly characters: string; readonly with: string };
}

/** Fields of the JSON body by their dotted paths: text, numbers, true and false. A field that is absent or null is written as nothing. */
export interface FieldsPart {
  readonly fields: readonly [string, ...string[]];
  readonly join: string;
  /**
   * The one field that may contain `join`. With two, text could be moved from one to the other under the same signature. Default: none.
   */
  readonly fieldContainingJoin?: string | FieldContainingJoin;
}

/** Which field may contain the join, by the text of another field. That field must come after all of them. */
export interface FieldContainingJoin {
  readonly by: string;
  /** The field for each text of `by`. */
  readonly values: Readonly<Record<string, string>>;
  /** The field for any other text. */
  readonly otherwise: string;
}

/** Headers whose names the request lists. The definition says which headers may and must be listed. */
export interface ListedHeadersPart {
  readonly listedHeaders: { readonly entry: string } | { readonly header: string };
  /** The text between two names of the list. */
  readonly separator: string;
  /** How one of them is written: `{name}`, `{value}` and literals. */
  readonly pair: string;
  /** The text between two of them. */
  readonly join: string;
  /** Names that may be listed, in lower case; a list with another one is refused. */
  readonly allow: readonly [string, ...string[]];
  /** Names that must be listed. */
  readonly require?: readonly string[];
  /**
   * How often `join` occurs in the value of a header. It must occur exactly that often, or bytes could be moved between two values, or
   * to the body, under the same signature. Default: never.
   */
  readonly joinCounts?: Readonly<Record<string, number>>;
}
