// The packed packages under every major of Node.js that they support, which npm brings: `npm run test:node`, or with majors
// behind it, `npm run test:node -- 22`. Under each one: every entry imported and required, a delivery over a socket, the
// adapter conformance cases, and every scheme.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { ENTRIES, pinned, ROOT } from '../test/consumers/packages.ts';
import { packedProject } from '../test/consumers/packed-project.ts';

const MAJORS = ['20', '22', '24', '26'];
const MOUNTS = ['express', 'fastify', 'koa', 'fetch', 'nest', 'lambda'].map(
  (framework) => `mounts/${framework}`,
);
const SUPPORT = [
  ...[...MOUNTS, 'mounts/nest-decorate', 'lambda/emulator', 'lambda/hosts', 'listen'],
  ...['catalogue', 'rules', 'matrix/general'],
];
const DEPENDENCIES = [
  ...['express', 'express4', 'fastify', 'fastify4', 'hono', 'koa', 'koa2', '@koa/router', '@koa/bodyparser'],
  ...['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', '@nestjs/platform-fastify'],
  ...['reflect-metadata', 'rxjs'],
];
const DELIVERED = JSON.stringify({ verified: 'evt_1', statuses: [204, 200, 401], handled: ['evt_2'] });

/**
 * The package with the executable itself, under a name of its own. The package `node` only runs an install script that installs
 * this one, and has one name for all versions.
 */
function runtimes(majors) {
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `${prefix}-${platform}-${process.arch}`;
  return Object.fromEntries(majors.map((major) => [`node${major}`, `npm:${name}@${major}`]));
}

async function binaryOf(project, major) {
  const home = join(project.folder, 'node_modules', `node${major}`);
  const { bin } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'));
  return join(home, bin.node);
}

/** The helpers of this repository's own tests, as JavaScript that finds the packed packages. */
async function addSupport(project) {
  const catalogue = (await readdir(join(ROOT, 'test', 'catalogue'))).map(
    (file) => `catalogue/${file.replace(/\.ts$/, '')}`,
  );
  for (const name of [...SUPPORT.map((each) => `support/${each}`), ...catalogue]) {
    const source = await readFile(join(ROOT, 'test', `${name}.ts`), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      fileName: `${name}.ts`,
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    const target = join(project.folder, 'conformance', `${name}.js`);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
  }
}

/** Imports or requires every entry, and drives an endpoint. */
async function consume(project, binary, folder, file) {
  try {
    const { stdout } = await project.node([file, ...ENTRIES], { in: folder, binary });
    const { exported, ...delivered } = JSON.parse(stdout);
    const wrong = ENTRIES.filter((entry) => !exported[entry]?.length).map(
      (entry) => `${entry} exports nothing`,
    );
    if (JSON.stringify(delivered) !== DELIVERED) wrong.push(`the endpoint gave ${JSON.stringify(delivered)}`);
    return { passed: ENTRIES.length + 1 - wrong.length, failures: wrong };
  } catch (error) {
    return { passed: 0, failures: [error.message] };
  }
}

async function conform(project, binary) {
  try {
    const { stdout } = await project.node(['main.js'], { in: 'conformance', binary });
    return JSON.parse(stdout);
  } catch (error) {
    return { 'adapter cases': { passed: 0, failures: [error.message] } };
  }
}

/** Prints one line, and one more for whatever failed. Gives whether all passed. */
async function testUnder(project, major) {
  const binary = await binaryOf(project, major);
  const { stdout } = await project.node(['-p', 'process.versions.node'], { binary });
  const results = {
    import: await consume(project, binary, 'esm', 'main.js'),
    require: await consume(project, binary, 'commonjs', 'main.cjs'),
    ...(await conform(project, binary)),
  };
  const failures = Object.entries(results).flatMap(([suite, { failures }]) =>
    failures.map((failure) => `${suite}: ${failure}`),
  );
  const passed = Object.values(results).reduce((sum, suite) => sum + suite.passed, 0);
  const counts = Object.entries(results).map(([suite, suiteResult]) => `${suite} ${suiteResult.passed}`);
  console.log(`Node ${stdout.trim()}: ${passed} passed, ${failures.length} failed (${counts.join(', ')})`);
  for (const failure of failures) console.log(`  ${failure}`);
  return failures.length === 0 && passed > 0;
}

const asked = process.argv.slice(2);
const majors = asked.length > 0 ? asked : MAJORS;
const project = await packedProject({ ...pinned(...DEPENDENCIES), ...runtimes(majors) });
try {
  for (const name of ['esm', 'commonjs', 'conformance']) await project.addFixture(name);
  await addSupport(project);
  for (const major of majors) {
    if (!(await testUnder(project, major))) process.exitCode = 1;
  }
} finally {
  await project.remove();
}
