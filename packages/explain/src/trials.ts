import type { Scheme } from '@countersign/core';
import type { Key, Match, ParsedHead } from '@countersign/core/extend';
import type { CapturedHead } from './captured-request.ts';
import type { Finding } from './cause.ts';

const MAX_VARIANTS = 2000;
const MAX_MS = 500;
/** The body of a larger request is not varied: each variant would cost milliseconds. */
export const MAX_VARIED_BYTES = 1024 * 1024;

/** A key to try, and what would be wrong if it matches. */
export interface TriedKey extends Key<unknown> {
  readonly findings: readonly Finding[];
}

/** Something to try instead of what was given, and what would be wrong if it matches. */
export interface Variant<T> {
  readonly value: T;
  readonly findings: readonly Finding[];
}

/** A match, and the key that made it. */
export interface Found {
  readonly match: Match;
  readonly key: TriedKey;
}

/** Checks variants with the schemes' own code, and counts them. */
export class Trials {
  #count = 0;
  readonly #startedAt = performance.now();

  /** How many variants were checked. */
  get count(): number {
    return this.#count;
  }

  get isOver(): boolean {
    return this.#count >= MAX_VARIANTS || performance.now() - this.#startedAt >= MAX_MS;
  }

  /** Checks one request with several keys. */
  async match(
    parsed: ParsedHead<unknown> | undefined,
    body: Uint8Array,
    keys: readonly TriedKey[],
  ): Promise<Found | undefined> {
    if (parsed === undefined || this.isOver) return undefined;
    const tried = keys.slice(0, MAX_VARIANTS - this.#count);
    if (tried.length === 0) return undefined;
    this.#count += tried.length;
    try {
      const result = parsed.match(body, tried);
      const match = result instanceof Promise ? await result : result;
      const key = match && tried.find(({ id }) => id === match.key.id);
      return match === undefined || key === undefined ? undefined : { match, key };
    } catch {
      // The body is not what this scheme signs.
      return undefined;
    }
  }
}

/** Reads the head of a request, or returns `undefined` if the scheme refuses it. */
export function parse(scheme: Scheme<unknown>, head: CapturedHead): ParsedHead<unknown> | undefined {
  try {
    return scheme.parseHead(head);
  } catch {
    return undefined;
  }
}
