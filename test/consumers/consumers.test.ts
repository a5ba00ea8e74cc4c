import { cp, readFile, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as schemes from '@countersign/schemes';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ENTRIES, pinned, ROOT } from './packages.ts';
import {
  type CommandFailed,
  type PackedProject,
  packedProject,
  RegistryUnreachable,
} from './packed-project.ts';
import { readmeSnippets } from './readme-snippets.ts';

// The packages as their users get them: built, packed, installed by npm into a project elsewhere, and run there.
const MINUTES = 60_000;
const TSC = join('node_modules', 'typescript', 'bin', 'tsc');
const THIRD_PARTY = /^\.\.\/node_modules\/(?!@countersign\/)/;
const DEPENDENCIES = {
  ...pinned('express', 'fastify', 'koa', '@koa/router', 'hono'),
  ...pinned('ioredis', 'pg', '@types/pg', 'node-vault'),
  ...pinned('mysql2', '@upstash/redis', '@aws-sdk/client-dynamodb'),
  ...pinned('@aws-sdk/client-secrets-manager', '@azure/keyvault-secrets', '@google-cloud/secret-manager'),
  ...pinned('typescript', '@types/node', '@types/express', '@types/koa', '@types/aws-lambda'),
  ...pinned('@nestjs/common', '@nestjs/core', '@nestjs/platform-express', 'reflect-metadata', 'rxjs'),
  jest: '30.5.2',
  'babel-jest': '30.5.2',
  '@babel/core': '7.29.13',
  '@babel/plugin-transform-modules-commonjs': '7.29.14',
};

let project: PackedProject;
let unreachable = '';

beforeAll(async () => {
  try {
    project = await packedProject(DEPENDENCIES);
  } catch (error) {
    if (!(error instanceof RegistryUnreachable) || process.env.CI) throw error;
    unreachable = `${error.message}: run \`npm test -- test/consumers/consumers.test.ts\` where it can`;
    console.warn(`Packed packages are not tested: ${unreachable}`);
  }
}, 20 * MINUTES);

afterAll(() => project?.remove());

beforeEach(({ skip }) => skip(unreachable !== '', unreachable));

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
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      exported: await exportedBySources(),
      verified: 'evt_1',
      statuses: [204, 200, 401],
      handled: ['evt_2'],
    });
  });
});

describe('a bundler', () => {
  test('takes of the schemes only what is imported', async () => {
    await project.addFixture('bundle');
    const { metafile, outputFiles } = await build({
      entryPoints: [join(project.folder, 'bundle', 'main.js')],
      ...{ bundle: true, minify: true, platform: 'node', format: 'esm', metafile: true, write: false },
    });
    const [bundle] = outputFiles;
    const text = bundle?.text ?? '';
    expect(text).toContain('x-hub-signature-256');
    for (const [factory, make] of Object.entries(schemes)) {
      if (factory !== 'github') expect(text).not.toContain(make().definition.about?.sources[0]);
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

describe('Jest, as CommonJS', () => {
  test('runs with the configuration that the README names', { timeout: 5 * MINUTES }, async () => {
    await project.addFixture('jest');
    const jest = join('..', 'node_modules', 'jest', 'bin', 'jest.js');
    const { stdout } = await project.node([jest, '--ci', '--json', '--no-cache', '--runInBand'], {
      in: 'jest',
    });
    expect(JSON.parse(stdout)).toMatchObject({ success: true, numPassedTests: 5, numTotalTests: 5 });
  });

  test.each(['jest.config.cjs', 'babel.config.json'])('the README shows %s as it is', async (file) => {
    const readme = await readFile(join(ROOT, 'packages/core/README.md'), 'utf8');
    const config = await readFile(new URL(`fixtures/jest/${file}`, import.meta.url), 'utf8');
    expect(readme).toContain(config);
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

  /** What the compiler says: the files that it looked at, and what is wrong, but for the declarations of other libraries. */
  async function compile(resolution: string): Promise<{ files: string[]; errors: string[] }> {
    const args = [join('..', TSC), '-p', `tsconfig.${resolution}.json`, '--pretty', 'false', '--listFiles'];
    const output = await project.node(args, { in: 'types' }).then(
      ({ stdout }) => stdout,
      (failed: CommandFailed) => failed.output,
    );
    const own = join(project.folder, 'types', '/');
    const lines = output.split('\n');
    return {
      files: lines.filter((line) => line.startsWith(own)).map((line) => line.slice(own.length)),
      // A message begins at the margin; what is indented explains it.
      errors: lines.filter((line) => /^\S/.test(line) && !isAbsolute(line) && !THIRD_PARTY.test(line)),
    };
  }

  test.each([
    ['module: nodenext, no DOM, strict with exactOptionalPropertyTypes', 'nodenext'],
    ['moduleResolution: bundler, DOM, strict', 'bundler'],
  ])(
    'under %s, the code of every README compiles, and wrong options do not',
    { timeout: 5 * MINUTES },
    async (_, resolution) => {
      const { files, errors } = await compile(resolution);
      expect(errors).toEqual([]);
      expect(files.toSorted()).toEqual(['types.test-d.ts', ...snippets.map(({ file }) => file)].toSorted());
    },
  );
});

describe('Nest 11, compiled to CommonJS without emitDecoratorMetadata', () => {
  test('handles a delivery once, refuses a forged one, and parses other routes', {
    timeout: 5 * MINUTES,
  }, async () => {
    await project.addFixture('nest');
    await project.node([join('..', TSC), '-p', '.', '--pretty', 'false'], { in: 'nest' });
    const { stdout, stderr } = await project.node([join('dist', 'main.js')], { in: 'nest' });
    expect(stderr).toBe('');
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
  });
});
