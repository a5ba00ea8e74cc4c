// Would the tests notice? Stryker changes the sources, one small change at a time, and runs the tests that pass through the change.
//
//   npm run test:mutation                            everything below: hours
//   npm run test:mutation -- core/scheme             one folder of a package, or one file
//   npm run test:mutation -- --changed main          the files that differ from a branch, for at most ten minutes
//   npm run test:mutation -- core/secrets --minutes 20
//   npm run test:mutation -- express --concurrency 1    default: 2 changes at a time
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
/**
 * Survivors that change nothing that can be seen: the file, the code that is replaced, the replacement, and the reason. `line` is a part
 * of the line in which the code begins; it is needed if the code occurs in several places.
 */
const equivalent = JSON.parse(readFileSync(new URL('equivalent-mutants.json', import.meta.url), 'utf8'));
const root = fileURLToPath(new URL('../', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { changed: { type: 'string' }, minutes: { type: 'string' }, concurrency: { type: 'string' } },
});
const minutes = Number(values.minutes ?? (values.changed === undefined ? 24 * 60 : 10));
if (!(minutes > 0)) fail('--minutes must be a number above 0.');

const NEAR_SCHEME = [
  'contradictions',
  'define-scheme',
  'exact-reading',
  'signature-header',
  'strictness',
  'bodies',
  'content',
  'signatures',
  'import-key',
  'rfc4231',
];
const PRESETS = [
  'url-and-form',
  'forgeries',
  'tokens',
  'hook0',
  'svix-family',
  'traps',
  'senders',
  'weak-secrets',
];
const KEYRING = ['secrets', 'on-demand', 'usage', 'reload'];
/**
 * The tests that say something about a part: a run of all tests for each change would take days. The longest name that fits counts.
 * `near` runs for each change; `far`, which takes longer, only for the changes that `near` does not notice.
 */
const TESTS = {
  core: {
    near: [
      ...[
        'packages/core/test/*.test.ts',
        'packages/core/test/util',
        'packages/core/test/scheme/define-scheme.test.ts',
      ],
      'test/core/*.test.ts',
    ],
    far: ['packages/core/test', 'test/core'],
  },
  'core/scheme': {
    near: [
      ...NEAR_SCHEME.map((name) => `packages/core/test/scheme/${name}.test.ts`),
      ...['test/core/scheme-language.test.ts', 'test/core/handshake.test.ts'],
    ],
    far: [
      ...PRESETS.map((name) => `packages/schemes/test/${name}.test.ts`),
      ...['packages/schemes/test/pitfalls', 'packages/core/test/scheme', 'test/core/verifier.test.ts'],
    ],
  },
  'core/secrets': {
    near: ['packages/core/test/secrets', ...KEYRING.map((name) => `test/core/keyring/${name}.test.ts`)],
    far: ['packages/core/test/node/file-secrets.test.ts', 'test/core/keyring', 'test/core/verifier.test.ts'],
  },
  'core/replay': {
    near: ['packages/core/test/replay', 'test/core/receive.test.ts', 'test/core/closing.test.ts'],
    far: ['test/core/replay', 'test/core/verifier.test.ts', 'test/core/wiring.test.ts'],
  },
  'core/node': {
    near: ['packages/core/test/node', 'test/core/settling.test.ts'],
    far: ['packages/express/test', 'test/hosts'],
  },
};

const deadline = Date.now() + minutes * 60_000;
/** Each part runs by itself: what was found before the time is over is kept. */
const parts = values.changed === undefined ? chosenParts() : changedFiles(values.changed);
if (parts.length === 0) console.log('Nothing that is mutated has changed.');
const counted = new Map();
const unfinished = [];
for (const part of parts) {
  const results = await measured(part);
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
  const { near, far } =
    longest === undefined ? { near: [`packages/${name.split('/')[0]}/test`], far: [] } : TESTS[longest];
  const patterns = (names) => names.map((each) => (each.endsWith('.ts') ? each : `${each}/**/*.test.ts`));
  return { near: patterns(near), far: patterns(far) };
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

/** Changes a part: first the tests that are near run, then, for what they did not notice, all of them. */
async function measured(part) {
  const { near, far } = testsOf(part);
  const isFile = existsSync(join(root, part)) && statSync(join(root, part)).isFile();
  const results = await stryker([isFile || part.includes('*') ? part : `${part}/**/*.ts`], near);
  if (results === undefined || far.length === 0) return results;
  const places = Object.entries(results.files).flatMap(([path, { mutants, source }]) =>
    mutants
      .filter((mutant) => isMissed(mutant) && !isListed(path, source.split('\n'), mutant))
      // Stryker's report counts columns from 1, its ranges count them from 0.
      .map(
        ({ location: { start, end } }) =>
          `${path}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`,
      ),
  );
  if (places.length === 0) return results;
  const again = await stryker([...new Set(places)], [...near, ...far]);
  if (again === undefined) return undefined;
  for (const [path, { mutants }] of Object.entries(results.files)) {
    const status = new Map((again.files[path]?.mutants ?? []).map((each) => [keyOf(each), each.status]));
    for (const each of mutants) if (isMissed(each)) each.status = status.get(keyOf(each)) ?? each.status;
  }
  return results;
}

function isMissed({ status }) {
  return status === 'Survived' || status === 'NoCoverage';
}

function keyOf({ location, replacement }) {
  return JSON.stringify([location, replacement]);
}

/** Whether a survivor is listed as equivalent. */
function isListed(path, lines, { location, replacement }) {
  return equivalent.some(
    (each) =>
      path.endsWith(each.file) &&
      each.code === codeAt(lines, location) &&
      each.replacement === plain(replacement) &&
      (lines[location.start.line - 1] ?? '').includes(each.line ?? ''),
  );
}

/** Runs Stryker until the time is over. Returns its report. */
async function stryker(mutate, tests) {
  if (Date.now() >= deadline) return undefined;
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
      concurrency: Number(values.concurrency ?? 2),
      // A static mutant costs a run of every test; most of them are tables and messages.
      ignoreStatic: true,
      mutator: { excludedMutations: ['StringLiteral'] },
      vitest: { configFile: 'vitest.mutation.config.ts', related: true },
      reporters: ['json', 'progress-append-only'],
      jsonReporter: { fileName: report },
      symlinkNodeModules: true,
      ignorePatterns: ['**/dist', 'bench/results', '.git'],
      tempDirName: join(scratch, 'copies'),
      // What hangs is ended after five times the time of its tests and this, so that a busy machine does not count as a test that notices.
      timeoutFactor: 5,
      timeoutMS: 20_000,
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
    env: { ...process.env, MUTATION_TESTS: tests.join(',') },
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
    const lines = source.split('\n');
    for (const mutant of mutants) {
      if (mutant.status === 'Killed' || mutant.status === 'Timeout') counts.noticed += 1;
      if (!isMissed(mutant)) continue;
      if (isListed(path, lines, mutant)) {
        counts.excused += 1;
        continue;
      }
      const { status, location, replacement } = mutant;
      counts.survived += 1;
      const what = status === 'Survived' ? 'survived' : 'no test';
      console.log(
        `${what}: ${path}:${location.start.line}:${location.start.column}\n    ${codeAt(lines, location)}\n  → ${plain(replacement)}`,
      );
    }
  }
}

/** The code that a mutant replaces, on one line. */
function codeAt(lines, { start, end }) {
  const text = lines.slice(start.line - 1, end.line);
  text[text.length - 1] = text[text.length - 1].slice(0, end.column - 1);
  text[0] = text[0].slice(start.column - 1);
  return plain(text.join(' '));
}

function plain(text) {
  return text.replace(/\s+/g, ' ').trim();
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
