// Would the tests notice? Stryker changes the sources, one small change at a time, and runs the tests that pass through the change.
//
//   npm run test:mutation                            everything below: hours
//   npm run test:mutation -- core/scheme             one folder of a package, or one file
//   npm run test:mutation -- --changed main          the files that differ from a branch, for at most ten minutes
//   npm run test:mutation -- core/secrets --minutes 20
//
// Prints each survivor and the score of each folder. Exit code 1 if a score is below the package's own.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The share of changes that the tests must notice, in percent. */
const SCORES = {
  core: 90,
  express: 85,
  fastify: 85,
  koa: 85,
  fetch: 85,
  nestjs: 85,
  redis: 85,
  postgres: 85,
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

const mutate = values.changed === undefined ? chosenFiles() : changedFiles(values.changed);
if (mutate.length === 0) {
  console.log('Nothing that is mutated has changed.');
  process.exit(0);
}
const scratch = mkdtempSync(join(tmpdir(), 'countersign-mutation-'));
const report = join(scratch, 'report.json');
const config = join(scratch, 'stryker.json');
writeFileSync(
  config,
  JSON.stringify({
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    coverageAnalysis: 'perTest',
    mutate,
    concurrency: 2,
    // Kept: static mutants cost a whole run each, and are tables and messages.
    ignoreStatic: true,
    mutator: { excludedMutations: ['StringLiteral'] },
    vitest: { configFile: 'vitest.mutation.config.ts', related: true },
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: report },
    symlinkNodeModules: true,
    ignorePatterns: ['**/dist', 'bench/results', '.git'],
    tempDirName: join(scratch, 'copies'),
    timeoutMS: 60_000,
    disableTypeChecks: '{packages,test}/**/*.ts',
    allowEmpty: true,
    warnings: { slow: false },
  }),
);
const code = await stryker();
const results = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined;
rmSync(scratch, { recursive: true, force: true });
if (results === undefined) {
  console.log(
    `Stopped after ${minutes} min, or by a failure (exit code ${code}): no result. Name a smaller part.`,
  );
  process.exitCode = values.changed === undefined ? 1 : 0;
} else process.exitCode = judge(results) ? 0 : 1;

/** `core/scheme` → its files below packages/core/src. Without names: every package that has a score. */
function chosenFiles() {
  const names = positionals.length > 0 ? positionals : Object.keys(SCORES);
  return names.map((name) => {
    const [part = '', ...path] = name
      .replace(/^packages\//, '')
      .replace(/\/src(\/|$)/, '$1')
      .split('/');
    const target = ['packages', part, 'src', ...path].join('/').replace(/\/$/, '');
    if (!existsSync(join(root, target))) fail(`"${name}" is neither a folder nor a file of a package.`);
    return statSync(join(root, target)).isDirectory() ? `${target}/**/*.ts` : target;
  });
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

/** Runs Stryker for so many minutes at most. */
function stryker() {
  const bin = join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js');
  const child = spawn(process.execPath, [bin, 'run', config], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGINT'), minutes * 60_000);
  return new Promise((resolve) => {
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve(status);
    });
  });
}

function judge({ files }) {
  const folders = new Map();
  for (const [path, { mutants, source }] of Object.entries(files)) {
    const folder = path.replace(/^packages\/([^/]+)\/src\/(?:([^/]+)\/)?.*$/, (_, part, inner) =>
      inner ? `${part}/${inner}` : part,
    );
    const counts = folders.get(folder) ?? { noticed: 0, survived: 0, excused: 0 };
    folders.set(folder, counts);
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
  console.log();
  let holds = true;
  for (const [folder, { noticed, survived, excused }] of [...folders].sort()) {
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
