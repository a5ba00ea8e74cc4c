import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PACKAGES, ROOT } from '../consumers/packages.ts';
import { fencedBlocks } from './support/guide.ts';

// A package's README begins with what its reader does first: install, then the smallest example.

const READMES = PACKAGES.map((folder) => join(folder, 'README.md'));

test.each(READMES)('%s begins with an install line that is complete for its first example', (readme) => {
  const [install, ...others] = fencedBlocks(readme);
  expect(install?.language).toBe('sh');
  // A package for tests has a second line, because what the application itself needs is no dependency of its tests.
  const lines = (install?.code ?? '').matchAll(/^npm install (?:--save-dev )?([^#\n]+)/gm);
  const installed = new Set([...lines].flatMap(([, line = '']) => line.trim().split(/\s+/)));
  const { name } = JSON.parse(readFileSync(join(ROOT, readme, '../package.json'), 'utf8'));
  expect([...installed]).toContain(name);
  const example = others.find(({ language }) => language === 'ts')?.code ?? '';
  const imported = [...example.matchAll(/from '((?:@[^/']+\/)?[^/'.]+)/g)]
    .map(([, module = '']) => module)
    .filter((module) => !module.startsWith('node:'));
  expect(imported.filter((module) => !installed.has(module))).toEqual([]);
});

test.each(READMES)('%s ends with the license', (readme) => {
  expect(readFileSync(join(ROOT, readme), 'utf8')).toMatch(/\n\nMIT\n$/);
});
