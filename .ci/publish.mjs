// Publishes the tarballs that the registry does not have yet, then tags the version and makes a release of it. `check-packages.mjs` packed
// and judged the tarballs. Safe to run again: what is published already is left alone.
//
//   node .ci/publish.mjs FOLDER SBOM [--dry-run]
//
// Plain JavaScript without dependencies: nothing is installed in the job that may publish.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

const [folder, sbom, flag] = process.argv.slice(2);
if (folder === undefined || sbom === undefined || !existsSync(folder) || !existsSync(sbom)) {
  console.error(
    'Name the folder with the tarballs and the list of contents: node .ci/publish.mjs FOLDER SBOM',
  );
  process.exit(2);
}
const isRehearsal = flag === '--dry-run';

const manifests = readdirSync(join(ROOT, 'packages')).map((name) =>
  JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8')),
);
const [version, ...others] = new Set(manifests.map((each) => each.version));
if (version === undefined || others.length > 0)
  throw new Error(`All packages have one version, not ${[version, ...others].join(', ')}.`);

for (const { name } of manifests) {
  const tarball = join(folder, `${name.slice(1).replace('/', '-')}-${version}.tgz`);
  if (!existsSync(tarball)) throw new Error(`${basename(tarball)} is missing in ${folder}.`);
  const known = spawnSync('npm', ['view', `${name}@${version}`, 'version'], { encoding: 'utf8' });
  if (known.stdout.trim() === version) console.log(`${name}@${version} is published already.`);
  else run('npm', ['publish', tarball, '--access=public']);
}

const tag = `v${version}`;
if (spawnSync('gh', ['release', 'view', tag], { cwd: ROOT }).status === 0)
  console.log(`${tag} is released already.`);
else {
  const notes = `The changes of each package are in its CHANGELOG.md: packages/*/CHANGELOG.md at ${tag}.`;
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  run('gh', ['release', 'create', tag, `--target=${commit}`, `--title=${version}`, `--notes=${notes}`, sbom]);
}

function run(file, args) {
  console.log([isRehearsal ? 'would run:' : '', file, ...args].join(' ').trim());
  if (!isRehearsal) execFileSync(file, args, { cwd: ROOT, stdio: 'inherit' });
}
