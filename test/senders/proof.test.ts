import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { LIBRARIES } from '../../packages/schemes/test/support/libraries/index.ts';
import { CATALOGUE } from '../support/catalogue.ts';
import { catalogueJudgeOf, hasVectors, readVectors } from '../support/published-vectors.ts';
import { VENDOR_LIBRARIES } from './support/vendor-libraries.ts';

// Each definition says what it was tested with, and a test holds it: sign() and the definition may not prove each other.

const PRESETS = CATALOGUE.filter(({ scheme, factory }, at) => {
  const first = CATALOGUE.findIndex((each) => each.factory === factory);
  return first === at && scheme.definition.about !== undefined;
});
const testedWith = (kind: string) =>
  PRESETS.filter(({ scheme }) => scheme.definition.about?.testedWith === kind);

/** Schemes that a published request with a valid signature is judged by. */
const BY_VECTOR = new Set(
  [...readVectors('vendors.json'), ...readVectors('more.json')]
    .filter(({ valid }) => valid)
    .flatMap((vector) => catalogueJudgeOf(vector).scheme?.name ?? []),
);

/** Schemes that a library of the sender is compared with, and in which package. */
const BY_LIBRARY = new Map<string, string>([
  ...Object.entries(LIBRARIES).map(([library, { scheme }]) => [scheme.name, library] as const),
  ...Object.values(VENDOR_LIBRARIES).map(({ library, scheme }) => [scheme.name, library] as const),
]);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TESTS = ['packages/schemes/test', 'test/senders']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(ROOT, folder, name)),
  )
  .map((file) => readFileSync(file, 'utf8'));

describe('a definition that says "sender-library"', () => {
  test.each(testedWith('sender-library'))(
    '$factory names the package, and is compared with it',
    ({ scheme }) => {
      const { library } = scheme.definition.about ?? {};
      const elsewhere = TESTS.some(
        (text) => text.includes(`from '${library}`) && text.includes('@countersign/schemes'),
      );
      expect(library).toBeDefined();
      expect(BY_LIBRARY.get(scheme.name) === library || elsewhere).toBe(true);
    },
  );
});

describe.skipIf(!hasVectors('vendors.json') || !hasVectors('more.json'))(
  'a definition that says "published-vectors"',
  () => {
    test.each(testedWith('published-vectors'))('$factory has one with a valid signature', ({ scheme }) => {
      expect(BY_VECTOR.has(scheme.name)).toBe(true);
    });

    test('is every one that has any', () => {
      const silent = PRESETS.filter(
        ({ scheme }) =>
          (BY_VECTOR.has(scheme.name) || BY_LIBRARY.has(scheme.name)) &&
          scheme.definition.about?.testedWith === 'formula-only',
      );
      expect(silent.map(({ factory }) => factory)).toEqual([]);
    });
  },
);

/** Raise it when another sender is proven. A new sender of which there is only a formula does not count against it. */
const PROVEN = 83;

test(`at least ${PROVEN} senders are proven by more than their formula`, () => {
  const [byVectors, byLibrary, unproven] = ['published-vectors', 'sender-library', 'formula-only'].map(
    (kind) => testedWith(kind).length,
  );
  console.log(
    `proof: ${byVectors} by published signatures, ${byLibrary} by the sender's library, ${unproven} by the formula only, of ${PRESETS.length}`,
  );
  expect((byVectors ?? 0) + (byLibrary ?? 0)).toBeGreaterThanOrEqual(PROVEN);
});
