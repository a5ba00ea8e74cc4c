import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { fencedBlocks } from './support/guide.ts';
import { guideFiles } from './support/guide-files.ts';

// The test files that docs/testing.md shows are run, to the letter. (Jest runs those of packages/testing/README.md:
// consumers.test.ts.)

const PAGE = 'docs/testing.md';
const NAMES = fencedBlocks(PAGE).flatMap(({ file }) => file?.match(/.*\.test\.ts$/)?.[0] ?? []);

const files = await guideFiles(PAGE);
afterAll(() => files.remove());

test('the page shows a test for each tool', () => {
  expect(NAMES).toEqual([
    'socket.test.ts',
    'supertest.test.ts',
    'inject.test.ts',
    'nest.test.ts',
    'handler.test.ts',
  ]);
});

for (const name of NAMES) {
  describe(name, async () => {
    await import(pathToFileURL(await files.bundle(name)).href);
  });
}
