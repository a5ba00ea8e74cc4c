import type { HashName } from './secret-format.ts';

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
  /** How one is written: `{name}`, `{value}` and literals. */
  readonly pair: string;
  /** Between two. Default: nothing. */
  readonly join?: string;
  /** Names that are left out, such as the signature's own. */
  readonly omit?: readonly string[];
  /** One of several equal values of a name counts, and the values of a name are sorted. */
  readonly unique?: true;
  /** `decoded` (default), or with the percent-encoding `as-received`. */
  readonly text?: 'decoded' | 'as-received';
  /** Characters of values that are replaced. */
  readonly replace?: { readonly characters: string; readonly with: string };
}

/** Fields of the JSON body by their dotted paths: text, whole numbers, true and false; what is absent or null counts as empty. */
export interface FieldsPart {
  readonly fields: readonly [string, ...string[]];
  readonly join: string;
  /** The one field that may hold `join`. With two, text could be moved from one to the other under the same signature. Default: none. */
  readonly fieldContainingJoin?: string;
}

/** Headers whose names the signature lists. The request says which; the definition says which it may and must. */
export interface ListedHeadersPart {
  readonly listedHeaders: { readonly entry: string } | { readonly header: string };
  /** Between two names of the list. */
  readonly separator: string;
  /** How one is written: `{name}`, `{value}` and literals. */
  readonly pair: string;
  /** Between two. */
  readonly join: string;
  /** Names that may be listed, in lower case; a list with another one is refused. */
  readonly allow: readonly [string, ...string[]];
  /** Names that must be listed. */
  readonly require?: readonly string[];
  /**
   * How often `join` stands within the value of a header: exactly so often, or bytes could be moved between one value and the next, or
   * the body, under the same signature. Default: never.
   */
  readonly joinCounts?: Readonly<Record<string, number>>;
}
