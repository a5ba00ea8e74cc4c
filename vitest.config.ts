import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig, type Plugin } from 'vitest/config';

// An unhandled rejection is an error, in the test processes and in every process that a test starts.
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --unhandled-rejections=strict`.trim();

// @countersign/* resolve to their sources, so tests need no build. The others are Node's own: what bundlers are given under "module"
// need not run in Node.
const conditions = ['countersign-source', 'node', 'development|production'];

/**
 * The solutions in test/agents import Nest as an app does that has one major of it: the one that the adapter's sources find. Beside
 * them, test/ has another.
 */
const nestOfTheAdapter: Plugin = {
  name: 'nest-of-the-adapter',
  enforce: 'pre',
  resolveId(source, importer) {
    if (!source.startsWith('@nestjs/') || !importer?.includes('/test/agents/')) return null;
    return this.resolve(source, fileURLToPath(new URL('packages/nestjs/src/index.ts', import.meta.url)), {
      skipSelf: true,
    });
  },
};

export default defineConfig({
  plugins: [nestOfTheAdapter],
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
