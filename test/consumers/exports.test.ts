import { expect, test } from 'vitest';
import { ENTRIES } from './packages.ts';

const HINT =
  'A name that comes or goes is a change for users: if it is meant, `npm test -- test/consumers/exports.test.ts -u` writes it down';

test('users can import these', () => {
  expect(ENTRIES, HINT).toMatchSnapshot();
});

test.each(ENTRIES)('%s has these exports', async (entry) => {
  expect(Object.keys(await import(entry)).sort(), HINT).toMatchSnapshot();
});
