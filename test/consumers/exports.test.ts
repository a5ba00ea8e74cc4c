import { expect, test } from 'vitest';
import { ENTRIES } from './packages.ts';

// A name that comes or goes here is a change for users: `npm test -- test/consumers/exports.test.ts -u` writes it down.

test('users can import these', () => {
  expect(ENTRIES).toMatchSnapshot();
});

test.each(ENTRIES)('%s has these exports', async (entry) => {
  expect(Object.keys(await import(entry)).sort()).toMatchSnapshot();
});
