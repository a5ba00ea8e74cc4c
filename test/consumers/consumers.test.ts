import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { run } from '@countersign/cli';
import * as schemes from '@countersign/schemes';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fencedBlocks } from '../docs/support/guide.ts';
import { ENTRIES, pinned, ROOT, withDependencies } from './packages.ts';
import { CommandFailed, type PackedProject, packedProject, RegistryUnreachable } from './packed-project.ts';
import { blocksOf, readmeSnippets } from './readme-snippets.ts';

// The packages as their users get them: built, packed, installed by npm into a project elsewhere, and run there.
const MINUTES = 60_000;
const DEPENDENCIES = {
  ...pinned('express', 'fastify', 'koa', '@koa/router', 'hono'),
  ...pinned('ioredis', 'pg', '@types/pg', 'node-vault'),
  ...pinned('mysql2', '@upstash/redis', '@aws-sdk/client-dynamodb'),
  ...pinned('@aws-sdk/client-secrets-manager', '@azure/keyvault-secrets', '@google-cloud/secret-manager'),
  ...pinned('@types/node', '@types/express', '@types/koa', '@types/aws-lambda', 'vitest'),
  ...pinned('@nestjs/common', '@nestjs/core', '@nestjs/platform-express', '@nestjs/testing'),
  ...pinned('@octokit/webhooks', '@slack/bolt', 'stripe', 'multer', '@types/multer'),
  ...pinned('reflect-metadata', 'rxjs', '@opentelemetry/api'),
  // The TypeScript of this repository, and the one that `nest new` installs.
  typescript6: `npm:typescript@${pinned('typescript').typescript}`,
  typescript: '5.9.3',
  jest: '30.5.2',
  'ts-jest': '29.4.15',
  '@types/jest': '30.0.0',
  supertest: '7.3.2',
  '@types/supertest': '7.2.0',
};
/** What people have who have not moved on yet: Nest 10, Express 4, Fastify 4, TypeScript 5, Jest 29. */
const OLDER_DEPENDENCIES = {
  '@nestjs/common': '10.4.22',
  '@nestjs/core': '10.4.22',
  '@nestjs/platform-express': '10.4.22',
  express: '4.22.3',
  '@types/express': '4.17.25',
  fastify: '4.29.1',
  koa: '2.16.4',
  ...pinned('reflect-metadata', 'rxjs', '@types/node'),
  typescript: '5.9.3',
  jest: '29.7.0',
  'ts-jest': '29.4.6',
  '@types/jest': '29.5.14',
};

let project: PackedProject;
let older: PackedProject;
let unreachable = '';

beforeAll(async () => {
  try {
    project = await packedProject(DEPENDENCIES);
    older = await packedProject(OLDER_DEPENDENCIES, project.tarballs);
    await project.addFixture('compile');
  } catch (error) {
    if (!(error instanceof RegistryUnreachable) || process.env.CI) throw error;
    unreachable = `${error.message}: run \`npm test -- test/consumers/consumers.test.ts\` on a machine that can reach it`;
    console.warn(`Packed packages are not tested: ${unreachable}`);
  }
}, 20 * MINUTES);

afterAll(() => Promise.all([project?.remove(), older?.remove()]));

beforeEach(({ skip }) => skip(unreachable !== '', unreachable));

/** What a compiler says of a project: its files, how many declarations of ours it has checked, and what is wrong. */
async function compile(
  config: string,
  compiler = 'typescript6',
): Promise<{ files: string[]; declarations: number; errors: string[] }> {
  const { stdout } = await project.node([join('compile', 'compile.mjs'), compiler, config]);
  return JSON.parse(stdout);
}

/** What the sources export, by entry. */
async function exportedBySources(): Promise<Record<string, string[]>> {
  const modules = ENTRIES.map(async (entry) => [entry, Object.keys(await import(entry)).sort()]);
  return Object.fromEntries(await Promise.all(modules));
}

describe.each([
  ['ES modules, by import', 'esm', 'main.js'],
  ['CommonJS, by require()', 'commonjs', 'main.cjs'],
])('%s', (_, fixture, file) => {
  test('imports every entry, verifies, and drives the Express adapter over a socket', {
    timeout: 5 * MINUTES,
  }, async () => {
    await project.addFixture(fixture);
    const { stdout, stderr } = await project.node([file, ...ENTRIES], { in: fixture });
    expect(unexpected(stderr)).toEqual([]);
    expect(JSON.parse(stdout)).toEqual({
      exported: await exportedBySources(),
      verified: 'evt_1',
      statuses: [204, 200, 401],
      handled: ['evt_2'],
    });
  });
});

describe('the command line, alone in a folder', () => {
  let folder: PackedProject;

  beforeAll(async () => {
    if (unreachable !== '') return;
    const needed = withDependencies('@countersign/cli');
    const tarballs = Object.entries(project.tarballs).filter(([name]) => needed.includes(name));
    folder = await packedProject({}, Object.fromEntries(tarballs));
  }, 5 * MINUTES);
  afterAll(() => folder?.remove());

  test('shows the same about every sender as the sources, which the published schemes leave out', async () => {
    const stdout = new PassThrough();
    const shown = text(stdout);
    await run(['senders', '--json'], {
      stdin: new PassThrough(),
      stdout,
      stderr: new PassThrough(),
      env: {},
    });
    stdout.end();
    const packed = await folder.npx(['countersign', 'senders', '--json']);
    expect(packed.stderr).toBe('');
    expect(JSON.parse(packed.stdout)).toEqual(JSON.parse(await shown));
    expect(packed.stdout).toContain('open the endpoint and reveal its signing secret');
  });

  test('gets from nothing to the first verified delivery in the three lines of its README', async () => {
    const [lines = ''] =
      /```sh\n(export [\s\S]*?)```/.exec(readText('packages/cli/README.md'))?.slice(1) ?? [];
    expect(lines.trim().split('\n')).toHaveLength(3);
    const script = lines.replaceAll('npx @countersign/cli', 'npm exec --offline -- countersign');
    expect(await shell(script, folder.folder)).toBe('Accepted: the request is genuine (stripe).\n');
  });

  test('ends with 1 for no, and with 2 and one sentence for a mistake', async () => {
    const failure = (args: string[]) =>
      folder.npx(['countersign', ...args]).then(
        () => undefined,
        (error) => error,
      );
    const no = await failure(['senders', 'nobody-has-this-name']);
    const mistake = await failure(['sign', 'stirpe']);
    expect([no, mistake].map((error) => error instanceof CommandFailed && error.code)).toEqual([1, 2]);
    expect(mistake.output).toBe('countersign: There is no sender "stirpe". Did you mean "stripe"?');
  });
});

function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Runs lines of a shell, with the commands of the project. */
function shell(script: string, folder: string): Promise<string> {
  const PATH = [join(folder, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
  return new Promise((resolve, reject) => {
    execFile('sh', ['-ec', script], { cwd: folder, env: { ...process.env, PATH } }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
}

describe('a bundler', () => {
  test('includes only the imported schemes', async () => {
    await project.addFixture('bundle');
    const { metafile, outputFiles } = await build({
      entryPoints: [join(project.folder, 'bundle', 'main.js')],
      ...{ bundle: true, minify: true, platform: 'node', format: 'esm', metafile: true, write: false },
    });
    const [bundle] = outputFiles;
    const text = bundle?.text ?? '';
    expect(text).toContain('x-hub-signature-256');
    for (const [factory, make] of Object.entries(schemes)) {
      const { name } = make();
      // Some names are those of several factories.
      if (name === 'github') expect(text).toContain(`name:"${name}"`);
      else expect(text, factory).not.toContain(`name:"${name}"`);
    }
    const [output] = Object.values(metafile.outputs);
    const inputs = Object.entries(output?.inputs ?? {});
    const bytes = inputs.reduce(
      (sum, [file, { bytesInOutput }]) => sum + (file.includes('@countersign/schemes') ? bytesInOutput : 0),
      0,
    );
    expect(bytes).toBeGreaterThan(0);
    console.log(
      `One scheme, minified: ${bytes} bytes; with @countersign/core: ${bundle?.contents.length} bytes.`,
    );
  });
});

describe('starting, beside the library of one sender', () => {
  const RECEIVER = ['@countersign/core', '@countersign/express'];

  test.each([
    ['core and an adapter', RECEIVER, 8, 0.25],
    ['the whole catalogue too, with one sender used', [...RECEIVER, '@countersign/schemes#stripe'], 10, 0.4],
  ])('%s: few files, and little code that runs', async (_, imports, mostFiles, mostOfStripe) => {
    await project.addFixture('start');
    const loaded = async (
      names: readonly string[],
    ): Promise<Record<'files' | 'bytes' | 'evaluated', number>> =>
      JSON.parse((await project.node(['main.mjs', ...names], { in: 'start' })).stdout);
    const [own, stripe] = [await loaded(imports), await loaded(['stripe'])];
    console.log(`${imports.join(', ')}: ${JSON.stringify(own)}; stripe: ${JSON.stringify(stripe)}`);
    expect(own.evaluated).toBeGreaterThan(0);
    expect(own.files).toBeLessThanOrEqual(mostFiles);
    expect(own.evaluated / stripe.evaluated).toBeLessThanOrEqual(mostOfStripe);
  });
});

describe('both copies of each package in one process', () => {
  test('work together, whichever of them the adapter, the verifier, the store and the secrets are of', {
    timeout: 5 * MINUTES,
  }, async () => {
    await project.addFixture('two-copies');
    const { stdout } = await project.node(['main.mjs'], { in: 'two-copies' });
    const statuses = [204, 200, 401, 415, 503];
    const together = {
      ...{ express: statuses, koa: statuses, fastify: statuses, fetch: statuses, lambda: statuses },
      ...{ nestjs: statuses, nestjsMixed: statuses },
      sharedStore: 'duplicate',
      sameRecord: true,
      isInstance: false,
      isWebhookError: true,
      isRotationError: true,
      missingSecret: 'ERR_WEBHOOK_SECRETS_INVALID',
    };
    expect(JSON.parse(stdout)).toEqual({ shared: [], imported: together, required: together });
  });
});

/** The blocks of the README of @countersign/testing that are whole test files, by the tool that they are for. */
const RECIPES = Object.fromEntries(
  blocksOf('packages/testing/README.md')
    .filter((block) => block.includes("\ntest('"))
    .map((block) => [/nestjs(?=\/testing)|inject|supertest/.exec(block)?.[0], block]),
);

async function addRecipes(tools: readonly string[], folder: string, suffix: string): Promise<void> {
  await mkdir(join(project.folder, folder), { recursive: true });
  for (const tool of tools)
    await writeFile(join(project.folder, folder, `${tool}${suffix}`), RECIPES[tool] ?? '');
}

/** The files of docs/testing.md that Jest can load, without the import that its globals replace. */
async function addGuide(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { file, code } of fencedBlocks('docs/testing.md').filter(({ file }) =>
    /^(?!inject).+ts$/.test(file ?? ''),
  )) {
    const own = code.replace(/^import .* from 'vitest';\n/m, '');
    await writeFile(join(folder, `${file}`.replace('.test.ts', '.e2e-spec.ts')), own);
  }
}

describe('Jest, as `nest new` sets it up', () => {
  type Nest = 'nest10' | 'nest11';
  const projectOf = (nest: Nest) => (nest === 'nest10' ? older : project);

  async function jest(nest: Nest, ...args: readonly string[]): Promise<number[]> {
    const binary = join('..', 'node_modules', 'jest', 'bin', 'jest.js');
    const { stdout } = await projectOf(nest).node([binary, '--ci', '--json', '--no-cache', '-i', ...args], {
      in: nest,
    });
    const { numPassedTests, numTotalTests } = JSON.parse(stdout);
    return [numPassedTests, numTotalTests];
  }

  test.each(['nest10', 'nest11'] as const)(
    '%s: the spec of a receiver passes',
    {
      timeout: 5 * MINUTES,
    },
    async (nest) => {
      await projectOf(nest).addFixture(nest);
      const spec = new URL('fixtures/spec/receiver.spec.ts', import.meta.url);
      await cp(fileURLToPath(spec), join(projectOf(nest).folder, nest, 'src', 'receiver.spec.ts'));
      expect(await jest(nest)).toEqual([7, 7]);
    },
  );

  test('nest11: the recipes of the README and the guide pass as end-to-end tests', {
    timeout: 5 * MINUTES,
  }, async () => {
    await project.addFixture('nest11');
    // Fastify's inject() can't be loaded by Jest: one of its dependencies is an ES module.
    await addRecipes(['supertest', 'nestjs'], join('nest11', 'test'), '.e2e-spec.ts');
    expect(await jest('nest11', '--config', './test/jest-e2e.json')).toEqual([2, 2]);
    await addGuide(join(project.folder, 'nest11', 'test', 'guide'));
    expect(await jest('nest11', '--config', './test/jest-e2e.json', 'guide')).toEqual([6, 6]);
  });
});

describe('Vitest', () => {
  test('runs the recipes of the README', { timeout: 5 * MINUTES }, async () => {
    await project.addFixture('vitest');
    await addRecipes(['supertest', 'inject', 'nestjs'], 'vitest', '.test.ts');
    const vitest = join('..', 'node_modules', 'vitest', 'vitest.mjs');
    const { stdout } = await project.node([vitest, 'run', '--reporter=json', '--maxWorkers=1'], {
      in: 'vitest',
    });
    const { numPassedTests, numTotalTests } = JSON.parse(stdout);
    expect([numPassedTests, numTotalTests]).toEqual([3, 3]);
  });
});

describe('TypeScript, with skipLibCheck: false', () => {
  const snippets = readmeSnippets();

  beforeAll(async () => {
    if (unreachable !== '') return;
    await project.addFixture('types');
    const folder = join(project.folder, 'types');
    await cp(fileURLToPath(new URL('types.test-d.ts', import.meta.url)), join(folder, 'types.test-d.ts'));
    for (const { file, code } of snippets) await writeFile(join(folder, file), code);
  });

  test.each([
    ['module: nodenext, no DOM, strict with exactOptionalPropertyTypes', 'nodenext'],
    ['moduleResolution: bundler, DOM, strict', 'bundler'],
  ])(
    'under %s, the code of every README compiles, and wrong options do not',
    { timeout: 5 * MINUTES },
    async (_, resolution) => {
      const { files, errors } = await compile(join('types', `tsconfig.${resolution}.json`));
      expect(errors).toEqual([]);
      expect(files).toEqual(['types.test-d.ts', ...snippets.map(({ file }) => file)].toSorted());
    },
  );
});

describe('TypeScript by its module setting, with skipLibCheck: false', () => {
  // Every entry, and what the adapters add to the types of their frameworks.
  const imports = ENTRIES.map((entry, index) => `import * as entry${index} from '${entry}';`);
  const source = [
    ...imports,
    "import type { Request } from 'express';",
    "import type { FastifyRequest } from 'fastify';",
    "import type { DefaultContext } from 'koa';",
    'export const id = (request: Request): string => request.webhook.id;',
    'export const text = (request: FastifyRequest): string => request.webhook.text();',
    'export const state = (context: DefaultContext): unknown => context.state.webhook;',
    `export const names: string[][] = [${ENTRIES.map((_, index) => `Object.keys(entry${index})`)}];`,
    'console.log(JSON.stringify(names));',
  ].join('\n');
  const common = { target: 'es2022', types: ['node'], strict: true, skipLibCheck: false };
  const both = ['main.cts', 'main.mts'];

  test.each([
    ['commonjs, TypeScript 5', 'typescript', { module: 'commonjs' }, ['main.ts']],
    ['commonjs, TypeScript 6', 'typescript6', { module: 'commonjs' }, ['main.ts']],
    ['node16', 'typescript6', { module: 'node16' }, both],
    ['node18', 'typescript6', { module: 'node18' }, both],
    ['node20', 'typescript6', { module: 'node20' }, both],
    ['nodenext', 'typescript6', { module: 'nodenext' }, both],
    ['esnext for a bundler', 'typescript6', { module: 'esnext', moduleResolution: 'bundler' }, ['main.mts']],
  ])('module: %s compiles and runs', { timeout: 5 * MINUTES }, async (name, compiler, setting, files) => {
    const folder = join('modules', name.replace(/\W+/g, '-'));
    await mkdir(join(project.folder, folder), { recursive: true });
    for (const file of files) await writeFile(join(project.folder, folder, file), source);
    const config = join(folder, 'tsconfig.json');
    const compilerOptions = { ...common, ...setting };
    await writeFile(join(project.folder, config), JSON.stringify({ compilerOptions, files }));
    const compiled = await compile(config, compiler);
    expect(compiled).toMatchObject({ files, errors: [] });
    expect(compiled.declarations).toBeGreaterThanOrEqual(ENTRIES.length * files.length);
    const exported = Object.values(await exportedBySources());
    for (const file of files) {
      const { stdout } = await project.node([file.replace(/ts$/, 'js')], { in: folder });
      const names: string[][] = JSON.parse(stdout);
      expect(names.map((each) => each.sort())).toEqual(exported);
    }
  });
});

describe('Nest, compiled to CommonJS', () => {
  test.each([
    ['11, without emitDecoratorMetadata', 'nest', 'typescript6', () => project],
    ['10 on Express 4, as `nest new` sets it up', 'nest10', 'typescript', () => older],
  ] as const)(
    '%s: handles a delivery once, refuses a forged one, and parses other routes',
    {
      timeout: 5 * MINUTES,
    },
    async (_, nest, compiler, projectOf) => {
      const { folder, addFixture, node } = projectOf();
      await addFixture('nest');
      const tsconfig = fileURLToPath(new URL(`fixtures/${nest}/tsconfig.json`, import.meta.url));
      await cp(tsconfig, join(folder, 'nest', 'tsconfig.json'));
      const tsc = join('..', 'node_modules', compiler, 'bin', 'tsc');
      await node([tsc, '-p', '.', '--pretty', 'false'], { in: 'nest' });
      const { stdout, stderr } = await node([join('dist', 'main.js')], { in: 'nest' });
      expect(unexpected(stderr)).toEqual([]);
      expect(JSON.parse(stdout)).toEqual({
        commonjs: true,
        answers: [
          [204, ''],
          [200, ''],
          [401, '{"error":"webhook refused"}'],
          [200, 'pear'],
        ],
        handled: ['evt_2'],
      });
    },
  );
});

/** What a process wrote to its errors, without the two warnings that its deliveries cause on purpose: a forgery and a duplicate. */
function unexpected(stderr: string): string[] {
  const expected =
    /\[(ERR_WEBHOOK_SIGNATURE_MISMATCH|COUNTERSIGN_DUPLICATE)\] Warning: |^See https:\S+$|^\(Use `node --trace-warnings/;
  return stderr.split('\n').filter((line) => line !== '' && !expected.test(line));
}
