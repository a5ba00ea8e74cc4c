import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as schemes from '@countersign/schemes';
import { expect, test } from 'vitest';
import { CATALOGUE } from '../../../test/support/catalogue.ts';

// What a new sender still needs, in words. `npm run new:sender acme-pay` makes the beginning of all of it.

const SOURCES = fileURLToPath(new URL('../src', import.meta.url));
const FILES = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(join(SOURCES, name), 'utf8') }));

/** The file that holds a factory, as a sentence can name it. */
function fileOf(factory: string): string {
  const file = FILES.find(({ text }) => text.includes(`export function ${factory}(`));
  return file === undefined ? 'packages/schemes/src' : `packages/schemes/src/${file.name}`;
}

test.each(CATALOGUE)('$name is complete', ({ factory, scheme, entry }) => {
  const { about } = scheme.definition;
  const file = fileOf(factory);
  const missing: string[] = [];
  if (entry === undefined)
    missing.push(
      `test/catalogue has no entry for ${factory}(): add a file that exports "entry" with "factory: '${factory}'" and the "refusalStatus" that the sender's retries call for.`,
    );
  if (about === undefined)
    missing.push(
      `The definition in ${file} has no "about": name the sender, the sources and what is assumed.`,
    );
  else {
    if (about.sources.length === 0)
      missing.push(`"about.sources" in ${file} is empty: add the URL of the sender's document.`);
    if (about.rotation === undefined)
      missing.push(
        `"about.rotation" in ${file} is missing: say in one sentence what rotating the secret does.`,
      );
    if (about.confidence === undefined || about.testedWith === undefined)
      missing.push(
        `"about.confidence" and "about.testedWith" in ${file} must say where the facts were read and what they were tested with.`,
      );
  }
  expect(missing.join('\n')).toBe('');
});

test.each(FILES)('$name has nothing left to fill in', ({ name, text }) => {
  const open = text
    .split('\n')
    .flatMap((line, at) =>
      line.includes('FILL IN') ? [`packages/schemes/src/${name}:${at + 1} ${line.trim()}`] : [],
    );
  expect(open.join('\n')).toBe('');
});

test('every sender is exported', () => {
  const exported = new Set(Object.keys(schemes));
  const missing = FILES.filter(({ text }) => text.includes('defineScheme({')).flatMap(({ name, text }) => {
    const factories = [...text.matchAll(/export function (\w+)\([^)]*\): DefinedScheme/g)].map(
      ([, each = '']) => each,
    );
    const [factory] = factories;
    const isElsewhere = name.startsWith('jwt/') || name.startsWith('x509/');
    if (factory === undefined || isElsewhere || factories.some((each) => exported.has(each))) return [];
    return [`packages/schemes/src/index.ts does not export ${factory}() of ${name}.`];
  });
  expect(missing.join('\n')).toBe('');
});
