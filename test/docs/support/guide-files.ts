import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { fencedBlocks, stepsOf } from './guide.ts';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));

/** The files of a page in a folder of their own. */
export interface GuideFiles {
  readonly folder: string;
  /** The secret that the page's own command has made up, or an empty text. */
  readonly secret: string;
  /** Bundles one of the files with our sources, so that any runtime can run it. */
  bundle(file: string): Promise<string>;
  remove(): Promise<void>;
}

/**
 * Does what a page asks its reader to do: saves its files, and makes up a secret with its command.
 *
 * @param nth Which block counts if several name the same file: from 0.
 */
export async function guideFiles(
  page: string,
  nth: Readonly<Record<string, number>> = {},
): Promise<GuideFiles> {
  await mkdir(CACHE, { recursive: true });
  // Inside of the workspace, so that imports find their packages.
  const folder = await mkdtemp(join(CACHE, 'guide-'));
  const blocks = fencedBlocks(page).filter(({ language }) => language === 'ts');
  for (const name of new Set(blocks.flatMap(({ file }) => file ?? []))) {
    const versions = blocks.filter(({ file }) => file === name);
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), versions[nth[name] ?? 0]?.code ?? '');
  }
  const secret = await makeSecret(page, folder);
  return {
    folder,
    secret,
    bundle: async (file) => {
      const outfile = join(folder, 'bundled', file.replace(/\.m?[jt]s$/, '.mjs'));
      await bundle(join(folder, file), outfile);
      return outfile;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function makeSecret(page: string, cwd: string): Promise<string> {
  const step = stepsOf(page).find(({ commands }) => /> stripe\.(?:secret|json)$/.test(commands[0] ?? ''));
  if (step === undefined) return '';
  const script = [...step.commands, 'cat stripe.*'].join('\n');
  const { stdout } = await promisify(execFile)('sh', ['-ec', script], { cwd });
  return stdout.startsWith('{') ? JSON.parse(stdout).current : stdout;
}

async function bundle(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['countersign-source'],
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
    logLevel: 'error',
    plugins: [onlyOurs],
  });
}

const onlyOurs: Plugin = {
  name: 'only our own packages are bundled',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      path.startsWith('@countersign/') || kind === 'entry-point' ? undefined : { path, external: true },
    );
  },
};
