import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DefinedScheme } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { CATALOGUE, ENTRIES } from './catalogue.ts';

// Published vectors are not ours to copy: they are read if they are beside the repository, and skipped by name otherwise.

/** The folder of the vectors. */
export const VECTORS =
  process.env.WEBHOOK_VECTORS ??
  path.resolve(fileURLToPath(new URL('../..', import.meta.url)), '../shared/vectors');

/** A request that a sender, or a library, published with its secret and the outcome. */
export interface Vector {
  readonly id: string;
  readonly vendor: string;
  /** The factory of the scheme, where the file names it. */
  readonly preset?: string;
  readonly method?: string;
  readonly url?: string | null;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly bodyBase64?: string;
  readonly secrets: string[];
  readonly now: number | null;
  readonly valid: boolean;
  readonly why?: string;
}

/** Whether the vectors of a file can be read. */
export function hasVectors(name: 'vendors.json' | 'more.json'): boolean {
  return existsSync(path.join(VECTORS, name));
}

/** The vectors of a file, or none if it is absent. */
export function readVectors(name: 'vendors.json' | 'more.json'): readonly Vector[] {
  return hasVectors(name) ? JSON.parse(readFileSync(path.join(VECTORS, name), 'utf8')) : [];
}

const FACTORIES: Readonly<Record<string, () => DefinedScheme>> = schemes;
/** Vectors whose deliveries are not those that the factory's default scheme is for. */
const OPTIONS: Readonly<Record<string, () => DefinedScheme>> = {
  hook0: () => schemes.hook0({ v0: true, headers: { 'x-delivery-id': 0 } }),
};

/** The scheme that a vector's `preset` names. */
export function presetOf({ preset = '' }: Vector): DefinedScheme {
  const make = OPTIONS[preset] ?? FACTORIES[preset];
  if (make === undefined) throw new Error(`The vectors name ${preset}(), which does not exist.`);
  return make();
}

/** The bytes of a vector's body. */
export function bodyOf({ body = '', bodyBase64 }: Vector): Buffer {
  return bodyBase64 === undefined ? Buffer.from(body) : Buffer.from(bodyBase64, 'base64');
}

/** The target of a request to an address. */
export function targetOf(url: string): string {
  return url.slice(new URL(url).origin.length) || '/';
}

/** What the catalogue says of each sender. */
const LISTED: Record<string, () => DefinedScheme> = Object.fromEntries([
  ...CATALOGUE.map(({ scheme }) => [scheme.name, () => scheme] as const),
  ...ENTRIES.flatMap(({ vectors = {} }) => Object.entries(vectors)),
]);
/** Vectors that no scheme of the catalogue judges, and why. */
export const BEYOND: Record<string, string> = Object.assign({}, ...ENTRIES.map(({ beyond }) => beyond));

/** The entry for a vector: that of its own id or the beginning of it, before that of its vendor. */
export function entryFor<T>(
  entries: Record<string, T>,
  { id, vendor }: Vector,
): { name: string; entry: T } | undefined {
  const name = Object.keys(entries)
    .filter((each) => each === vendor || (each.includes('/') && id.startsWith(each)))
    .sort((a, b) => b.length - a.length)[0];
  const entry = name === undefined ? undefined : entries[name];
  return name === undefined || entry === undefined ? undefined : { name, entry };
}

/** The scheme of the catalogue that judges a vector, or why none does. What names the vector more closely decides. */
export function catalogueJudgeOf(vector: Vector): { scheme?: DefinedScheme; reason?: string } {
  if (vector.preset !== undefined) return { scheme: presetOf(vector) };
  const [listed, beyond] = [entryFor(LISTED, vector), entryFor(BEYOND, vector)];
  if (beyond !== undefined && beyond.name.length >= (listed?.name.length ?? 0))
    return { reason: beyond.entry };
  return listed === undefined ? {} : { scheme: listed.entry() };
}
