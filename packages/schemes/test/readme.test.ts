import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DefinedScheme } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { pageOf, rowOf } from './support/sender-pages.ts';

const README = new URL('../README.md', import.meta.url);
const PAGES = new URL('../../../docs/senders/', import.meta.url);
const FACTORIES: Record<string, () => DefinedScheme> = schemes;
const SENDERS = Object.entries(FACTORIES).map(([factory, make]) => ({ factory, scheme: make() }));

/** A text with something else between two of its comments. */
function withSection(text: string, name: string, content: string): string {
  const [before, after] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
  const start = text.indexOf(before);
  const end = text.indexOf(after, start);
  if (start === -1 || end === -1) throw new Error(`The README has no place for its ${name}.`);
  return `${text.slice(0, start)}${before}${content}${text.slice(end)}`;
}

const INDEX = [
  '| sender | import | algorithm | page |',
  '| --- | --- | --- | --- |',
  ...SENDERS.map(rowOf),
  '',
].join('\n');

// `npm run docs -w @countersign/schemes` writes what these two compare.
test('the README of @countersign/schemes has a line for each sender', async () => {
  const readme = readFileSync(README, 'utf8');
  await expect(withSection(readme, 'senders', INDEX)).toMatchFileSnapshot(fileURLToPath(README));
});

describe('docs/senders', () => {
  test.each(SENDERS)('has the page that the definition of $factory() makes', async (sender) => {
    await expect(pageOf(sender)).toMatchFileSnapshot(
      fileURLToPath(new URL(`${sender.scheme.name}.md`, PAGES)),
    );
  });

  test('has no other page', () => {
    const names = SENDERS.map(({ scheme }) => `${scheme.name}.md`);
    expect(readdirSync(PAGES).sort()).toEqual(names.sort());
  });
});

describe.each(SENDERS)('$factory()', ({ factory, scheme }) => {
  test("returns the same scheme every time, and it can't be changed", () => {
    expect(FACTORIES[factory]?.()).toBe(scheme);
    const reachable: unknown[] = [scheme];
    for (const value of reachable) {
      if (typeof value !== 'object' || value === null) continue;
      expect(Object.isFrozen(value)).toBe(true);
      reachable.push(...Object.values(value));
    }
  });

  test('says where its facts come from and what rotating does', () => {
    const { about } = scheme.definition;
    expect(about?.sources.length).toBeGreaterThan(0);
    expect(about?.rotation).toMatch(/\.$/);
    expect(about?.sender).not.toBe('');
  });

  test('says whether its retries fit its identity', () => {
    const { identity, delivery } = scheme.definition;
    // An id that changes with every retry would let each of them run.
    if (identity === 'id') expect(delivery.idStableOverRetries).toBe(true);
    else if (typeof identity === 'object') expect(delivery.idStableOverRetries).not.toBe(false);
  });
});
