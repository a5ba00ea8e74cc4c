import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const SCRIPT = fileURLToPath(new URL('receiver.ts', import.meta.url));
/** From here its imports find the same packages as from its source. */
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/', import.meta.url));

/** The receiver as one file of JavaScript: one that is killed every few seconds must be back soon. */
export async function bundleReceiver(): Promise<{ script: string; remove(): Promise<void> }> {
  await mkdir(CACHE, { recursive: true });
  const directory = await mkdtemp(join(CACHE, 'storm-'));
  const script = join(directory, 'receiver.mjs');
  await build({
    entryPoints: [SCRIPT],
    outfile: script,
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
          onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
            /^@countersign(-internal)?\//.test(path) || kind === 'entry-point'
              ? undefined
              : { path, external: true },
          );
        },
      },
    ],
  });
  return { script, remove: () => rm(directory, { recursive: true, force: true }) };
}
