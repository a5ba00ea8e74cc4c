import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** One major of Nest, with the adapter as an application on it sees it. */
export interface Nest {
  readonly major: NestMajor;
  readonly common: typeof import('@nestjs/common');
  readonly core: typeof import('@nestjs/core');
  readonly express: typeof import('@nestjs/platform-express');
  readonly fastify: typeof import('@nestjs/platform-fastify');
  readonly testing: typeof import('@nestjs/testing');
  readonly adapter: typeof import('@countersign/nestjs');
}

export type NestMajor = 10 | 11 | 12;

const fromHere = createRequire(import.meta.url);
const PACKAGE = dirname(fromHere.resolve('@countersign/nestjs/package.json'));

// Each package has one major, by its own names: one package can't have two. The one for Nest 10 is nothing else; it isn't below
// test/, because npm doesn't install what a workspace inside of another workspace needs.
const REQUIRE: Record<NestMajor, NodeJS.Require> = {
  10: createRequire(fromHere.resolve('@countersign-internal/nest10/package.json')),
  11: fromHere,
  12: createRequire(join(PACKAGE, 'package.json')),
};

/** Loads one major, and the adapter's sources so that their imports lead to that major. */
export async function loadNest(major: NestMajor): Promise<Nest & { unload(): Promise<void> }> {
  const load = async (name: string) => {
    const loaded = await import(pathToFileURL(REQUIRE[major].resolve(name)).href);
    return loaded;
  };
  const nest = {
    major,
    common: await load('@nestjs/common'),
    core: await load('@nestjs/core'),
    express: await load('@nestjs/platform-express'),
    fastify: await load('@nestjs/platform-fastify'),
    testing: await load('@nestjs/testing'),
  };
  if (major === 12)
    return { ...nest, adapter: await import('@countersign/nestjs'), unload: async () => undefined };
  const directory = await installBeside(major);
  const adapter = await import(pathToFileURL(join(directory, 'src/index.ts')).href);
  return { ...nest, adapter, unload: () => rm(directory, { recursive: true, force: true }) };
}

/** A directory with the adapter's sources in which `@nestjs/*` are of that major, as in the project of a user who has it. */
async function installBeside(major: NestMajor): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-nest-'));
  const modules = join(directory, 'node_modules');
  await mkdir(modules);
  await cp(join(PACKAGE, 'src'), join(directory, 'src'), { recursive: true });
  await writeFile(
    join(directory, 'tsconfig.json'),
    '{ "compilerOptions": { "experimentalDecorators": true } }',
  );
  const root = dirname(dirname(fromHere.resolve('rxjs/package.json')));
  for (const name of ['reflect-metadata', 'rxjs', '@countersign'])
    await symlink(join(root, name), join(modules, name));
  const common = dirname(REQUIRE[major].resolve('@nestjs/common/package.json'));
  await symlink(dirname(common), join(modules, '@nestjs'));
  return directory;
}
