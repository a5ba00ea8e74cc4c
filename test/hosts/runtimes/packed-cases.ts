import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { ENTRIES, pinned, ROOT } from '../../consumers/packages.ts';
import { type PackedProject, packedProject } from '../../consumers/packed-project.ts';
import type { Runtime } from './runtimes.ts';
import { resultsIn, type SuiteResult, shown } from './suite.ts';

// The packed packages in a project of their user, and in it the cases, as JavaScript that finds them there.

const DEPENDENCIES = [
  ...['express', 'express4', 'fastify', 'fastify4', 'hono', 'koa', 'koa2', '@koa/router', '@koa/bodyparser'],
  ...['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', '@nestjs/platform-fastify'],
  ...['reflect-metadata', 'rxjs'],
];
/** Where the cases and what they need are, from the folder `test`. */
const SOURCES = [
  ...['catalogue', 'support', 'support/lambda', 'support/matrix', 'support/mounts'],
  ...['hosts/runtimes', 'hosts/runtimes/next'],
];
const CASES = 'conformance';
const DELIVERED = JSON.stringify({ verified: 'evt_1', statuses: [204, 200, 401], handled: ['evt_2'] });

/** Makes the project. @param others Further dependencies. */
export async function casesProject(others: Readonly<Record<string, string>> = {}): Promise<PackedProject> {
  const project = await packedProject({ ...pinned(...DEPENDENCIES), ...others });
  for (const name of ['esm', 'commonjs']) await project.addFixture(name);
  await mkdir(join(project.folder, CASES));
  await writeFile(join(project.folder, CASES, 'package.json'), '{"type":"module"}');
  for (const folder of SOURCES) await addSources(project, folder);
  return project;
}

async function addSources({ folder: project }: PackedProject, folder: string): Promise<void> {
  const files = await readdir(join(ROOT, 'test', folder));
  for (const file of files.filter((each) => /(?<!\.test|\.d)\.ts$/.test(each))) {
    const source = await readFile(join(ROOT, 'test', folder, file), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      fileName: file,
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    const target = join(project, CASES, folder, file.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
  }
}

/**
 * Under a runtime: every entry imported and required, a delivery over a socket, the adapter cases of all hosts, and every scheme.
 * Prints a line for each, and one more for whatever fails.
 *
 * @param runs The name of the runtime in {@link hostsOf}.
 * @returns Whether everything has passed.
 */
export async function testUnder(project: PackedProject, runtime: Runtime, runs: string): Promise<boolean> {
  const results = [
    await consume(project, runtime, 'esm', 'main.js'),
    await consume(project, runtime, 'commonjs', 'main.cjs'),
    ...(await runCases(project, runtime, ['run-hosts.js', runs])),
    ...(await runCases(project, runtime, ['run-schemes.js'])),
  ];
  return report(runtime.name, results);
}

/** Prints results, and returns whether everything has passed. */
export function report(where: string, results: readonly SuiteResult[]): boolean {
  for (const result of results) console.log(shown(where, result));
  return results.every(({ run, failures }) => run > 0 && failures.length === 0);
}

/** Runs a script of this folder in the project. */
export async function runCases(
  project: PackedProject,
  { binary, args }: Runtime,
  [script, ...rest]: readonly string[],
): Promise<SuiteResult[]> {
  const file = join(project.folder, CASES, 'hosts', 'runtimes', script ?? '');
  try {
    const { stdout } = await project.node([...args, file, ...rest], { in: CASES, binary });
    return resultsIn(stdout);
  } catch (error) {
    return [failed(script ?? '', error)];
  }
}

/** Imports or requires every entry, and drives an endpoint. */
async function consume(
  project: PackedProject,
  { binary, args }: Runtime,
  folder: string,
  file: string,
): Promise<SuiteResult> {
  const host = `every entry (${folder})`;
  try {
    const { stdout } = await project.node([...args, file, ...ENTRIES], { in: folder, binary });
    const { exported, ...delivered } = JSON.parse(stdout);
    const failures = ENTRIES.filter((entry) => !exported[entry]?.length).map(
      (entry) => `${entry} exports nothing`,
    );
    if (JSON.stringify(delivered) !== DELIVERED)
      failures.push(`the endpoint gave ${JSON.stringify(delivered)}`);
    const run = ENTRIES.length + 1;
    return { host, limits: [], run, passed: run - failures.length, failures };
  } catch (error) {
    return failed(host, error);
  }
}

function failed(host: string, error: unknown): SuiteResult {
  return { host, limits: [], run: 1, passed: 0, failures: [(error as Error).message] };
}
