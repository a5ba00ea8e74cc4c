import { readdirSync } from 'node:fs';
import type { DefinedScheme } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import type { CatalogueEntry } from './catalogue-entry.ts';

const DIRECTORY = new URL('../catalogue/', import.meta.url);
const names = readdirSync(DIRECTORY).filter((name) => /\.[jt]s$/.test(name));
/** Every entry of test/catalogue. */
export const ENTRIES: readonly CatalogueEntry[] = await Promise.all(
  names.sort().map(async (name) => (await import(new URL(name, DIRECTORY).href)).entry),
);

/** A scheme of the catalogue with the name that tests use for it. */
export interface Listed {
  readonly name: string;
  readonly factory: string;
  readonly scheme: DefinedScheme;
  readonly entry: CatalogueEntry | undefined;
}

const FACTORIES: Readonly<Record<string, unknown>> = schemes;

/** Every factory's default scheme, and the variants that entries name. */
export const CATALOGUE: readonly Listed[] = Object.entries(FACTORIES).flatMap(([factory, make]) => {
  if (typeof make !== 'function') return [];
  const entry = ENTRIES.find((each) => each.factory === factory);
  const scheme: DefinedScheme = make();
  const variants = Object.entries(entry?.variants ?? {});
  return [
    { name: scheme.name, factory, scheme, entry },
    ...variants.map(([name, variant]) => ({ name, factory, scheme: variant(), entry })),
  ];
});

/** The forms of a scheme as a list. */
export { rulesOf } from './rules.ts';
