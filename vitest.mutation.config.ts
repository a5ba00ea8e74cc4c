import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

// Stryker runs tests in a copy of the repository that shares the original node_modules: by their names, the packages would be the
// originals, where nothing is mutated. Here each name leads to the sources of the copy.
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

export default mergeConfig(
  base,
  defineConfig({
    resolve: { alias },
    test: {
      // One file after another, in one process for each of Stryker's workers.
      maxWorkers: 1,
      // These start processes of their own, which run the originals, or measure what mutants change without being wrong.
      exclude: [
        'bench/**',
        'test/consumers/**',
        'test/examples/**',
        'test/promise/processes.test.ts',
        'test/core/cost.test.ts',
        'test/senders/vectors.test.ts',
        'packages/rotation/test/crash.test.ts',
        'packages/schemes/test/readme.test.ts',
      ],
    },
  }),
);
