import type { Scheme } from '@countersign/core';
import type { Key, Match, ParsedHead } from '@countersign/core/extend';
import type { CapturedHead } from './captured-request.ts';
import type { Finding } from './cause.ts';

const MAX_VARIANTS = 2000;
const MAX_MS = 500;
/** How many bytes are hashed before the time is looked at again. */
const BYTES_AT_ONCE = 4 * 1024 * 1024;
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
    // Each key costs a pass over the body, so the time is looked at after a few of them if the body is large.
    const atOnce = Math.max(1, Math.floor(BYTES_AT_ONCE / Math.max(1, body.length)));
    for (let at = 0; at < keys.length && !this.isOver; at += atOnce) {
      const tried = keys.slice(at, at + Math.min(atOnce, MAX_VARIANTS - this.#count));
      this.#count += tried.length;
      const found = await matched(parsed, body, tried);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

async function matched(
  parsed: ParsedHead<unknown>,
  body: Uint8Array,
  keys: readonly TriedKey[],
): Promise<Found | undefined> {
  try {
    const match = await parsed.match(body, keys);
    const key = match && keys.find(({ id }) => id === match.key.id);
    return match === undefined || key === undefined ? undefined : { match, key };
  } catch {
    // The body is not what this scheme signs.
    return undefined;
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
