import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The `package.json` of a folder of this repository. */
function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'));
}

/** The folders of the packages that are published, from the root. */
export const PACKAGES: readonly string[] = readdirSync(join(ROOT, 'packages'))
  .map((name) => `packages/${name}`)
  .filter((folder) => existsSync(join(ROOT, folder, 'package.json')));

/** What users import: `@countersign/core`, `@countersign/core/node` and so on. */
export const ENTRIES: readonly string[] = PACKAGES.flatMap((folder) => {
  const { name, exports = {} } = manifestOf(folder);
  const paths = Object.keys(exports).filter((path) => path !== './package.json');
  return paths.map((path) => `${name}${path.slice(1)}`);
});

/** Dependencies in the versions that this repository uses itself. */
export function pinned(...names: readonly string[]): Record<string, string> {
  const known = Object.assign(
    {},
    ...['packages/redis', 'packages/nestjs', 'test', '.'].map((folder) => manifestOf(folder).devDependencies),
  );
  return Object.fromEntries(
    names.map((name) => {
      if (typeof known[name] !== 'string') throw new Error(`Nothing here depends on ${name}.`);
      return [name, known[name]];
    }),
  );
}

/** A package of this repository, and those of it that it depends on. */
export function withDependencies(name: string): readonly string[] {
  const folder = PACKAGES.find((each) => manifestOf(each).name === name);
  if (folder === undefined) return [];
  const { dependencies = {} } = manifestOf(folder);
  return [...new Set([name, ...Object.keys(dependencies).flatMap(withDependencies)])];
}
