import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/countersign/node-24', import.meta.url));
const VERSION = '24.22.3';

/**
 * A Node.js that has `node:sqlite` and runs workerd's tools: this one, or one that npm brings. It is not a dependency, because
 * its command `node` would then come before this one on the path of every script. `undefined`: there is none, which is said in a
 * line, and is a failure if `CI` is set.
 */
export async function modernNode(): Promise<string | undefined> {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  try {
    return await downloaded();
  } catch (error) {
    const said = 'Tests that need Node.js 22 or newer have none. Run the tests under one.';
    if ((process.env.CI ?? '') !== '') throw new Error(said, { cause: error });
    console.warn(`SKIPPED: ${said}`);
    return undefined;
  }
}

async function downloaded(): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`;
  const binary = join(CACHE, 'node_modules', name, 'bin/node');
  if (existsSync(binary)) return binary;
  await mkdir(dirname(CACHE), { recursive: true });
  // Put in its place at once: other workers may be doing the same.
  const fresh = await mkdtemp(`${CACHE}-`);
  try {
    await run('npm', [
      'install',
      '--prefix',
      fresh,
      '--no-save',
      '--no-bin-links',
      '--ignore-scripts',
      `${name}@${VERSION}`,
    ]);
    await rename(fresh, CACHE).catch((error: unknown) => {
      if (!existsSync(binary)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return binary;
}
