// Judges the packages as their users get them: packs each one, then runs publint and attw on the tarball. Needs built packages:
// `npm run check:packages` builds them first. With a folder, `npm run check:packages -- FOLDER`, the tarballs stay there for publishing.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';
import { packAll } from './pack.ts';
import { relativeLinks } from './registry-readme.ts';

/** Accepted publint findings, by package and code, each with its reason. */
const acceptedPublint = {
  // '@countersign/core': { CODE: 'why' },
};

/** attw rules that are not asked, by package, each with its reason. */
const acceptedAttw = {
  // '@countersign/core': { 'rule-name': 'why' },
};

/**
 * What a small receiver installs of ours: the core, an adapter, and the whole catalogue. It was 1.5 MB before health handlers, payload
 * schemas, `shadow()` and tenants that the body names, and 1.54 MB before the READMEs had absolute links, which the registry needs.
 */
const BUDGET = {
  packages: ['@countersign/core', '@countersign/express', '@countersign/schemes'],
  bytes: 1_575_000,
};

/** Data that a build writes in addition to the entries, by package. */
const DATA = {
  '@countersign/cli': ['dist/about.json'],
};

const root = fileURLToPath(new URL('../', import.meta.url));
const [kept] = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'countersign-pack-'));
const sizes = new Map();
let failures = 0;

/** Whether a package that is installed alone can import it. */
function isReachable(imported, { name: itself, dependencies, peerDependencies }) {
  // With or without `node:`: the bundler writes `require('url')` for `import.meta.url`.
  if (isBuiltin(imported)) return true;
  if (imported.startsWith('.')) return !imported.includes('/src/');
  const names = [itself, ...Object.keys({ ...dependencies, ...peerDependencies })];
  return names.some((name) => imported === name || imported.startsWith(`${name}/`));
}

/** What neither tool looks at: the files themselves. */
function contentProblems(dir, manifest, files) {
  const problems = [];
  if (manifest.sideEffects !== false)
    problems.push('"sideEffects" is not false: bundlers keep what nothing imports');
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
    if (manifest.scripts?.[script]) problems.push(`has an install script: ${script}`);
  }
  if (!files.includes('LICENSE')) problems.push('has no LICENSE');
  const entries = Object.values(manifest.exports)
    .flatMap((targets) => targets['countersign-source'] ?? [])
    .map((source) => source.replace('./src/', 'dist/').replace(/\.ts$/, ''));
  for (const entry of entries) {
    for (const extension of ['.js', '.cjs', '.d.ts', '.d.cts']) {
      if (!files.includes(`${entry}${extension}`)) problems.push(`${entry}${extension} is missing`);
    }
  }
  const bins = Object.values(manifest.bin ?? {}).map((path) => posix.normalize(path));
  problems.push(
    ...relativeLinks(readFileSync(join(dir, 'README.md'), 'utf8')).map(
      (link) => `README.md links to ${link}, which leads nowhere on a registry's page`,
    ),
  );
  for (const file of files) {
    if (/^(?:migrations|grafana|prometheus)\//.test(file)) continue;
    if (['LICENSE', 'README.md', 'package.json'].includes(file)) continue;
    const isExpected =
      bins.includes(file) ||
      DATA[manifest.name]?.includes(file) ||
      /^dist\/(?:LICENSE-|shared\/)/.test(file) ||
      entries.includes(file.replace(/(?:\.d)?\.c?[jt]s$/, ''));
    if (!isExpected) problems.push(`${file} belongs to no entry: stale, or packed by mistake`);
    const { importedFiles } = ts.preProcessFile(readFileSync(join(dir, file), 'utf8'), true, true);
    for (const { fileName: imported } of importedFiles) {
      if (!isReachable(imported, manifest))
        problems.push(`${file} imports ${imported}, which is not installed with it`);
    }
  }
  return problems;
}

function report(name, tool, problems) {
  console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name}: ${tool}`);
  for (const problem of problems) console.log(`     ${problem}`);
  failures += problems.length === 0 ? 0 : 1;
}

for (const { name, manifest, tarball, report: packed } of packAll(resolve(kept ?? scratch))) {
  sizes.set(name, { packed: packed.size, unpacked: packed.unpackedSize });

  const files = packed.files.map((file) => file.path);
  execFileSync('tar', ['-xzf', tarball, '-C', scratch]);
  report(name, 'files', contentProblems(join(scratch, 'package'), manifest, files));
  rmSync(join(scratch, 'package'), { recursive: true });

  const bytes = readFileSync(tarball);
  const { messages } = await publint({
    strict: true,
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
  });
  const found = messages.filter((message) => !acceptedPublint[name]?.[message.code]);
  report(
    name,
    'publint --strict',
    found.map((message) => `${message.code}: ${formatMessage(message, manifest)}`),
  );

  const ignored = Object.keys(acceptedAttw[name] ?? {});
  const attw = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
      tarball,
      '--profile=strict',
      '--no-definitely-typed',
      '--format=ascii',
      ...(ignored.length > 0 ? ['--ignore-rules', ...ignored] : []),
    ],
    { encoding: 'utf8' },
  );
  report(name, 'attw --profile strict', attw.status === 0 ? [] : [`${attw.stdout}${attw.stderr}`]);
}

console.table(Object.fromEntries(sizes));
const total = BUDGET.packages.reduce((sum, name) => sum + (sizes.get(name)?.unpacked ?? Number.NaN), 0);
report(
  BUDGET.packages.join(' + '),
  `${total} of ${BUDGET.bytes} bytes unpacked`,
  total <= BUDGET.bytes ? [] : ['too large: drop what receivers do not need, or say here why they need more'],
);

rmSync(scratch, { recursive: true });
process.exitCode = failures === 0 ? 0 : 1;
