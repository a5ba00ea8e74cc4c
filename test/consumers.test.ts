import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ENTRIES, pinned, ROOT } from './consumers/packages.ts';
import { type PackedProject, packedProject, RegistryUnreachable } from './consumers/packed-project.ts';
import { readmeSnippets } from './consumers/readme-snippets.ts';

// The packages as their users get them: built, packed, installed by npm into a project elsewhere, and run there.
const MINUTES = 60_000;
const TSC = join('node_modules', 'typescript', 'bin', 'tsc');
const DEPENDENCIES = {
  ...pinned('express', 'fastify', 'koa', '@koa/router', 'hono'),
  ...pinned('typescript', '@types/node', '@types/express', '@types/koa'),
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
    unreachable = `${error.message}: run \`npm test -- test/consumers.test.ts\` where it can`;
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
  ['an ES module', 'esm', 'main.js'],
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
    const config = await readFile(new URL(`consumers/fixtures/jest/${file}`, import.meta.url), 'utf8');
    expect(readme).toContain(config);
  });
});

describe('TypeScript, with the declarations of all libraries checked', () => {
  beforeAll(async () => {
    if (unreachable !== '') return;
    await project.addFixture('types');
    const folder = join(project.folder, 'types');
    await cp(fileURLToPath(new URL('types.test-d.ts', import.meta.url)), join(folder, 'types.test-d.ts'));
    for (const { file, code } of readmeSnippets()) await writeFile(join(folder, file), code);
  });

  test.each(['nodenext', 'bundler'])(
    'under %s, the code of every README compiles, and wrong options do not',
    { timeout: 5 * MINUTES },
    async (resolution) => {
      const tsc = join('..', TSC);
      const { stdout } = await project.node([tsc, '-p', `tsconfig.${resolution}.json`, '--listFilesOnly'], {
        in: 'types',
      });
      expect(
        stdout.split('\n').filter((file) => file.startsWith(join(project.folder, 'types'))),
      ).toHaveLength(readmeSnippets().length + 1);
      await project.node([tsc, '-p', `tsconfig.${resolution}.json`, '--pretty', 'false'], { in: 'types' });
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
