// Would the tests notice? Stryker changes the sources, one small change at a time, and runs the tests that pass through the change.
//
//   npm run test:mutation                            everything below: hours
//   npm run test:mutation -- core/scheme             one folder of a package, or one file
//   npm run test:mutation -- --changed main          the files that differ from a branch, for at most ten minutes
//   npm run test:mutation -- core/secrets --minutes 20
//
// Prints each survivor and the score of each folder. Exit code 1 if a score is below the package's own.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The share of changes that the tests of a package must notice, in percent. */
const SCORES = {
  core: 90,
  ...{ express: 85, fastify: 85, koa: 85, fetch: 85, nestjs: 85, lambda: 85 },
  ...{ redis: 85, postgres: 85, mysql: 85, sqlite: 85, dynamodb: 85, 'durable-object': 85 },
  rotation: 85,
};
/** Survivors that change nothing that can be seen, with the reason: `.ci/equivalent-mutants.json`. */
const equivalent = JSON.parse(readFileSync(new URL('equivalent-mutants.json', import.meta.url), 'utf8'));
const root = fileURLToPath(new URL('../', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { changed: { type: 'string' }, minutes: { type: 'string' } },
});
const minutes = Number(values.minutes ?? (values.changed === undefined ? 24 * 60 : 10));
if (!(minutes > 0)) fail('--minutes must be a number above 0.');

/** The tests that say something about a part: a run of all tests for each change would take days. The longest name that fits counts. */
const TESTS = {
  core: ['packages/core/test', 'test/core'],
  'core/scheme': [
    ...['packages/core/test/scheme', 'packages/schemes/test/*.test.ts', 'packages/schemes/test/pitfalls'],
    ...['test/core/scheme-language.test.ts', 'test/core/handshake.test.ts', 'test/core/verifier.test.ts'],
  ],
  'core/secrets': [
    'packages/core/test/secrets',
    'packages/core/test/node/file-secrets.test.ts',
    'test/core/keyring',
  ],
  'core/replay': ['packages/core/test/replay', 'test/core/replay', 'test/core/verifier.test.ts'],
  'core/node': ['packages/core/test/node', 'test/core/settling.test.ts', 'packages/express/test'],
};

const deadline = Date.now() + minutes * 60_000;
/** Each part runs by itself: what was found before the time is over is kept. */
const parts = values.changed === undefined ? chosenParts() : changedFiles(values.changed);
if (parts.length === 0) console.log('Nothing that is mutated has changed.');
const counted = new Map();
const unfinished = [];
for (const part of parts) {
  const results = Date.now() < deadline ? await stryker(part) : undefined;
  if (results === undefined) unfinished.push(part);
  else count(results);
}
const holds = judge();
for (const part of unfinished) console.log(`no result for ${part}: the time was over, or Stryker failed`);
// With a branch to compare with, the time is a bound and no failure.
process.exitCode = holds && (unfinished.length === 0 || values.changed !== undefined) ? 0 : 1;

/** `core/scheme` → `packages/core/src/scheme`. Without names: every folder of every package that has a score. */
function chosenParts() {
  const names =
    positionals.length > 0
      ? positionals
      : Object.keys(SCORES).filter((name) => existsSync(join(root, 'packages', name)));
  return names.flatMap((name) => {
    const [part = '', ...path] = name
      .replace(/^packages\//, '')
      .replace(/\/src(\/|$)/, '$1')
      .split('/');
    const target = ['packages', part, 'src', ...path].join('/').replace(/\/$/, '');
    if (!existsSync(join(root, target))) fail(`"${name}" is neither a folder nor a file of a package.`);
    if (path.length > 0) return [target];
    const inner = readdirSync(join(root, target), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    return [`${target}/*.ts`, ...inner.map((entry) => `${target}/${entry.name}`)];
  });
}

/** The tests for a part, as patterns for vitest. */
function testsOf(part) {
  const name = part.replace(/^packages\/([^/]+)\/src/, '$1');
  const known = Object.keys(TESTS).filter((each) => name === each || name.startsWith(`${each}/`));
  const longest = known.sort((a, b) => b.length - a.length)[0];
  const folders = longest === undefined ? [`packages/${name.split('/')[0]}/test`] : TESTS[longest];
  return folders.map((folder) => (folder.endsWith('.ts') ? folder : `${folder}/**/*.test.ts`));
}

function changedFiles(branch) {
  const { stdout, status, stderr } = spawnSync(
    'git',
    ['diff', '--name-only', '--diff-filter=d', `${branch}...`],
    { cwd: root, encoding: 'utf8' },
  );
  if (status !== 0) fail(`git knows no "${branch}": ${stderr.trim()}`);
  return stdout
    .split('\n')
    .filter((path) => path.startsWith('packages/') && path.endsWith('.ts') && path.includes('/src/'))
    .filter((path) => path.split('/')[1] in SCORES);
}

/** Runs Stryker on a part, until the time is over. Returns its report. */
async function stryker(part) {
  const isFile = existsSync(join(root, part)) && statSync(join(root, part)).isFile();
  const scratch = mkdtempSync(join(tmpdir(), 'countersign-mutation-'));
  const report = join(scratch, 'report.json');
  const config = join(scratch, 'stryker.json');
  writeFileSync(
    config,
    JSON.stringify({
      testRunner: 'vitest',
      plugins: ['@stryker-mutator/vitest-runner'],
      coverageAnalysis: 'perTest',
      mutate: [isFile || part.includes('*') ? part : `${part}/**/*.ts`],
      concurrency: 2,
      // A static mutant costs a run of every test; most of them are tables and messages.
      ignoreStatic: true,
      mutator: { excludedMutations: ['StringLiteral'] },
      vitest: { configFile: 'vitest.mutation.config.ts', related: true },
      reporters: ['json', 'progress-append-only'],
      jsonReporter: { fileName: report },
      symlinkNodeModules: true,
      ignorePatterns: ['**/dist', 'bench/results', '.git'],
      tempDirName: join(scratch, 'copies'),
      timeoutMS: 60_000,
      dryRunTimeoutMinutes: 60,
      disableTypeChecks: '{packages,test}/**/*.ts',
      allowEmpty: true,
      warnings: { slow: false },
    }),
  );
  const bin = join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js');
  const child = spawn(process.execPath, [bin, 'run', config], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, MUTATION_TESTS: testsOf(part).join(',') },
  });
  const timer = setTimeout(() => child.kill('SIGINT'), Math.min(deadline - Date.now(), 2 ** 31 - 1));
  await once(child, 'close');
  clearTimeout(timer);
  const results = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined;
  rmSync(scratch, { recursive: true, force: true });
  return results;
}

/** Prints the survivors of a report, and counts what was noticed. */
function count({ files }) {
  for (const [path, { mutants, source }] of Object.entries(files)) {
    const folder = path.replace(/^packages\/([^/]+)\/src\/(?:([^/]+)\/)?.*$/, (_, part, inner) =>
      inner ? `${part}/${inner}` : part,
    );
    const counts = counted.get(folder) ?? { noticed: 0, survived: 0, excused: 0 };
    counted.set(folder, counts);
    for (const { status, location, replacement } of mutants) {
      if (status === 'Killed' || status === 'Timeout') counts.noticed += 1;
      if (status !== 'Survived' && status !== 'NoCoverage') continue;
      const line = source.split('\n')[location.start.line - 1] ?? '';
      if (
        equivalent.some(
          (each) =>
            path.endsWith(each.file) && line.includes(each.line) && replacement.includes(each.replacement),
        )
      ) {
        counts.excused += 1;
        continue;
      }
      counts.survived += 1;
      const what = status === 'Survived' ? 'survived' : 'no test';
      console.log(
        `${what}: ${path}:${location.start.line}:${location.start.column} → ${replacement.replace(/\s+/g, ' ').slice(0, 80)}\n    ${line.trim().slice(0, 110)}`,
      );
    }
  }
}

/** Prints the score of each folder. Returns whether all of them are high enough. */
function judge() {
  console.log();
  let holds = true;
  for (const [folder, { noticed, survived, excused }] of [...counted].sort()) {
    const all = noticed + survived;
    if (all === 0) continue;
    const score = (100 * noticed) / all;
    const wanted = SCORES[folder.split('/')[0]];
    if (score < wanted) holds = false;
    console.log(
      `${folder.padEnd(24)} ${score.toFixed(1)} % of ${all} mutants (at least ${wanted} %), ${survived} survived, ${excused} equivalent`,
    );
  }
  return holds;
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
