// Judges the packages as their users get them: packs each one, then runs publint and attw on the tarball. Needs built packages:
// `npm run check:packages` builds them first.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/** Accepted publint findings, by package and code, each with its reason. */
const acceptedPublint = {
  // '@countersign/core': { CODE: 'why' },
};

/** attw rules that are not asked, by package, each with its reason. */
const acceptedAttw = {
  // '@countersign/core': { 'rule-name': 'why' },
};

const root = fileURLToPath(new URL('../', import.meta.url));
const tarballs = mkdtempSync(join(tmpdir(), 'countersign-pack-'));
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

/** What neither tool looks at: the files themselves. */
function contentProblems(dir, manifest, files) {
  const problems = [];
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
    if (manifest.scripts?.[script]) problems.push(`has an install script: ${script}`);
  }
  if (!files.includes('LICENSE')) problems.push('has no LICENSE');
  for (const file of files) {
    if (/^(src|migrations)\//.test(file) || ['LICENSE', 'README.md', 'package.json'].includes(file)) continue;
    const source = file.replace(/^dist\//, 'src/').replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (source === file || !files.includes(source)) {
      problems.push(`${file} has no source: stale, or packed by mistake`);
      continue;
    }
    const text = readFileSync(join(dir, file), 'utf8');
    if (file.endsWith('.map')) {
      for (const path of JSON.parse(text).sources) {
        if (!existsSync(join(dir, file, '..', path)))
          problems.push(`${file} points to ${path}, which is not there`);
      }
    } else if (/\b(?:from|import)\b\s*\(?\s*["'][^"'\n]*\/src\//.test(text)) {
      problems.push(`${file} imports from src`);
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
      '--profile=esm-only',
      '--no-definitely-typed',
      '--format=ascii',
      ...(ignored.length > 0 ? ['--ignore-rules', ...ignored] : []),
    ],
    { encoding: 'utf8' },
  );
  report(name, 'attw --profile esm-only', attw.status === 0 ? [] : [`${attw.stdout}${attw.stderr}`]);
}

rmSync(tarballs, { recursive: true });
process.exitCode = failures === 0 ? 0 : 1;
