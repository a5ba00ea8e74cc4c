import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** A script of a test as one file of JavaScript. */
export interface BundledScript {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Bundles a script with our sources, for processes that a test starts many times: from TypeScript each start takes seconds. All
 * other packages stay imports.
 *
 * @param home Where the script is put, and where its imports find their packages. Default: the workspace of the script.
 */
export async function bundleScript(script: URL, home?: string): Promise<BundledScript> {
  const source = fileURLToPath(script);
  // From here the imports find the same packages as from the source.
  const cache = home ?? join(workspaceOf(source), 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(cache, 'script-'));
  const path = join(directory, `${basename(source, '.ts')}.mjs`);
  await build({
    entryPoints: [source],
    outfile: path,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['countersign-source'],
    logLevel: 'error',
    plugins: [
      {
        name: 'only our own sources',
        setup({ onResolve }) {
          onResolve({ filter: /^[^./]/ }, ({ path: imported, kind }) =>
            /^@countersign(-internal)?\//.test(imported) || kind === 'entry-point'
              ? undefined
              : { path: imported, external: true },
          );
        },
      },
    ],
  });
  return { path, remove: () => rm(directory, { recursive: true, force: true }) };
}

function workspaceOf(file: string): string {
  let directory = dirname(file);
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return directory;
}
