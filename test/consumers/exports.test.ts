import { expect, test } from 'vitest';
import { ENTRIES } from './packages.ts';

const HINT =
  'A name that comes or goes is a change for users: if it is meant, `npm test -- test/consumers/exports.test.ts -u` writes it down';

test('users can import these', () => {
  expect(ENTRIES, HINT).toMatchSnapshot();
});

/** Core has a door for each kind of reader. Everything else is for users. */
const AUTHORS = 'authors of adapters, stores, providers and schemes';
const audienceOf = (entry: string) => (entry.endsWith('/extend') ? AUTHORS : 'users');

test.each(ENTRIES.map((entry) => [entry, audienceOf(entry)]))(
  '%s has these exports, for %s',
  async (entry) => {
    expect(Object.keys(await import(entry)).sort(), HINT).toMatchSnapshot();
  },
);
