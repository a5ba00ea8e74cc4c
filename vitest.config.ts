import { configDefaults, defineConfig } from 'vitest/config';

// An unhandled rejection is an error, in the test processes and in every process that a test starts.
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --unhandled-rejections=strict`.trim();

// @countersign/* resolve to their sources, so tests need no build. The others are Node's own: what bundlers are given under "module"
// need not run in Node.
const conditions = ['countersign-source', 'node', 'development|production'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'bench/test/**/*.test.ts'],
    // Projects of their own, which tests start; tsconfig.json leaves them out too.
    exclude: [...configDefaults.exclude, '**/fixtures/**'],
    setupFiles: ['test/support/patience.ts'],
    pool: 'forks',
    // Sockets, timers and child processes are under test: on two cores, more workers make them wait for each other.
    maxWorkers: 2,
    // No test depends on being fast: these only end what hangs.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    dangerouslyIgnoreUnhandledErrors: false,
    server: { deps: { inline: [/^@countersign(-internal)?\//] } },
  },
});
