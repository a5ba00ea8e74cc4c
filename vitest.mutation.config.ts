import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

// Stryker runs tests in a copy of the repository that shares the original node_modules: by their names, the packages would be the
// originals, in which nothing is mutated. Here each name leads to the sources of the copy.
const root = import.meta.dirname;
const alias = readdirSync(join(root, 'packages')).flatMap((folder) => {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8'));
  return Object.entries<{ 'countersign-source'?: string }>(exports).flatMap(([path, targets]) => {
    const source = targets['countersign-source'];
    if (source === undefined) return [];
    return [
      { find: new RegExp(`^${name}${path.slice(1)}$`), replacement: join(root, 'packages', folder, source) },
    ];
  });
});

const config = mergeConfig(
  base,
  defineConfig({
    resolve: { alias },
    test: {
      // One file after another, in one thread for each change: loading the packages again for each file would take most of the time.
      maxWorkers: 1,
      isolate: false,
      exclude: [
        // They count costs, which mutants change without being wrong.
        'test/core/cost.test.ts',
        'packages/schemes/test/refusal-cost.test.ts',
        // They start processes of their own, which run the originals.
        'packages/rotation/test/crash.test.ts',
        'packages/rotation/test/lock.test.ts',
        // It reads the sources, which are full of mutants.
        'packages/schemes/test/readme.test.ts',
        'packages/schemes/test/complete.test.ts',
      ],
    },
  }),
);
// Merging would add to the usual patterns.
config.test = { ...config.test, include: (process.env.MUTATION_TESTS ?? '').split(',') };

export default config;
