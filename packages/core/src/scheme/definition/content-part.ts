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
  /** The one field that may contain `join`. With two, text could be moved from one to the other under the same signature. Default: none. */
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
