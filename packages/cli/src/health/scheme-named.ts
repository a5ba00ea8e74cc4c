import type { DefinedScheme, Scheme } from '@countersign/core';
import { exampleOf } from '../catalogue/about.ts';
import { SENDERS } from '../sender.ts';

let byName: ReadonlyMap<string, Scheme> | undefined;

/** The scheme of the catalogue with the name that a health handler reports. */
export function schemeNamed(name: string): (Scheme & Partial<DefinedScheme>) | undefined {
  byName ??= new Map(
    Object.keys(SENDERS).map((factory) => {
      const scheme = exampleOf(factory);
      return [scheme.name, scheme];
    }),
  );
  return byName.get(name);
}
