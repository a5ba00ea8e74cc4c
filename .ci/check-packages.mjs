// Judges the packages as their users get them: packs each one, then runs publint and attw on the tarball. Needs built packages:
// `npm run check:packages` builds them first.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';

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
 * schemas, `shadow()` and tenants that the body names.
 */
const BUDGET = {
  packages: ['@countersign/core', '@countersign/express', '@countersign/schemes'],
  bytes: 1_540_000,
};

const root = fileURLToPath(new URL('../', import.meta.url));
const tarballs = mkdtempSync(join(tmpdir(), 'countersign-pack-'));
const sizes = new Map();
let failures = 0;

function npm(args, cwd) {
  const cli = process.env.npm_execpath;
  const [file, before] = cli?.includes('npm-cli') ? [process.execPath, [cli]] : ['npm', []];
  return execFileSync(file, [...before, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Whether a package that is installed alone can import it. */
function isReachable(imported, { dependencies, peerDependencies }) {
  if (imported.startsWith('node:')) return true;
  if (imported.startsWith('.')) return !imported.includes('/src/');
  const names = Object.keys({ ...dependencies, ...peerDependencies });
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
  for (const file of files) {
    if (/^(?:migrations|grafana|prometheus)\//.test(file)) continue;
    if (['LICENSE', 'README.md', 'package.json'].includes(file)) continue;
    const isExpected =
      /^dist\/(?:LICENSE-|shared\/)/.test(file) || entries.includes(file.replace(/(?:\.d)?\.c?[jt]s$/, ''));
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

for (const entry of readdirSync(join(root, 'packages'))) {
  const dir = join(root, 'packages', entry);
  const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  const { name } = manifest;
  const [packed] = Object.values(JSON.parse(npm(['pack', '--json', '--pack-destination', tarballs], dir)));
  const tarball = join(tarballs, packed.filename);
  sizes.set(name, { packed: packed.size, unpacked: packed.unpackedSize });

  report(
    name,
    'files',
    contentProblems(
      dir,
      manifest,
      packed.files.map((file) => file.path),
    ),
  );

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

rmSync(tarballs, { recursive: true });
process.exitCode = failures === 0 ? 0 : 1;
