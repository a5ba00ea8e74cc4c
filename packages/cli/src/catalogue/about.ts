import { readFileSync } from 'node:fs';
import type { Scheme } from '@countersign/core';
import type { SchemeSource } from '@countersign/core/extend';
import { kebab, SENDERS } from '../sender.ts';
import { SENDER_OPTIONS, senderOptions } from '../sender-options.ts';

/** Where the facts about a scheme come from. The published schemes leave it out. */
type WithAbout = Scheme & { readonly definition?: { readonly about?: SchemeSource } };

let known: Readonly<Record<string, SchemeSource>> | undefined;

/** What is written about each sender, by the name of its factory: where its secret is, how to rotate it, its traps. */
export function aboutSenders(): Readonly<Record<string, SchemeSource>> {
  known ??= fromSchemes() ?? fromFile();
  return known;
}

/** Collects it from the schemes. `undefined` if they are the published ones. */
export function fromSchemes(): Readonly<Record<string, SchemeSource>> | undefined {
  // The build does not find all of it in the schemes for tokens.
  if ((exampleOf('stripe') as WithAbout).definition?.about === undefined) return undefined;
  const entries = Object.keys(SENDERS).flatMap((factory) => {
    const about = (exampleOf(factory) as WithAbout).definition?.about;
    return about === undefined ? [] : [[factory, about] as const];
  });
  return Object.fromEntries(entries);
}

/** The scheme of a sender, with examples in place of the options that it needs. */
export function exampleOf(factory: string): Scheme {
  const needed = Object.entries(SENDER_OPTIONS[factory] ?? {}).filter(
    ([, { required, shown }]) => required || shown,
  );
  const examples = Object.fromEntries(needed.map(([name, { example }]) => [name, example]));
  return (SENDERS[factory] as (options?: unknown) => Scheme)(
    senderOptions(factory, kebab(factory), examples),
  );
}

/** Which file the build writes beside the code: see write-about.ts. */
export const ABOUT_FILE = 'about.json';

function fromFile(): Readonly<Record<string, SchemeSource>> {
  return JSON.parse(readFileSync(new URL(ABOUT_FILE, import.meta.url), 'utf8'));
}
