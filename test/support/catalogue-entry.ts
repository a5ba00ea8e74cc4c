import type { DefinedScheme } from '@countersign/core';

/** What the tests know about one sender of the catalogue in addition to its definition: written by hand, never derived. */
export interface CatalogueEntry {
  /** The factory, as `@countersign/schemes` exports it. */
  readonly factory: string;
  /** The status if no key matches or the time is off, by the sender's documented retries. */
  readonly refusalStatus: 401 | 429 | 503;
  /** Further schemes that the factory returns, by name. */
  readonly variants?: Readonly<Record<string, () => DefinedScheme>>;
  /** Schemes for published vectors, by vendor or by the beginning of a vector's id, if it is not the factory's default. */
  readonly vectors?: Readonly<Record<string, () => DefinedScheme>>;
  /** Unix seconds at which a vector without its own time is checked, by its id: its signed time. */
  readonly at?: Readonly<Record<string, number>>;
  /** Vectors that we refuse though the sender's own library accepts them, and why. */
  readonly refused?: Readonly<Record<string, string>>;
  /** Vectors under the sender's name that are not of this scheme, by the beginning of their id, and why. */
  readonly beyond?: Readonly<Record<string, string>>;
  /** The address of deliveries, for schemes that sign it. */
  readonly url?: string;
  /** The method of deliveries. Default: POST. */
  readonly method?: string;
  /** A body that the sender could send. Default: a JSON object with an `id`. */
  readonly body?: string;
}
