// Installs what is missing, before a script of package.json runs: so that `npm test`, `npm run demo` and the others each work as the
// first command after a clone. Says nothing if there is nothing to do.
// Plain JavaScript without dependencies, because nothing may be installed yet.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);

/** When a file was last written, or 0 if it does not exist. */
function writtenAt(path) {
  return statSync(new URL(path, root), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

// npm writes this file last: it is missing after an install that was cut short.
const installedAt = writtenAt('node_modules/.package-lock.json');
if (installedAt === 0 || installedAt < writtenAt('package-lock.json')) {
  const reason =
    installedAt > 0 ? 'package-lock.json changed since the last install' : 'nothing is installed yet';
  const npm = process.env.npm_execpath;
  if (!npm?.includes('npm-cli')) {
    console.error(`Run \`npm ci\`: ${reason}.`);
    process.exit(1);
  }
  console.log(`Running \`npm ci\`: ${reason}.`);
  // Development dependencies even if NODE_ENV says production.
  const { status } = spawnSync(process.execPath, [npm, 'ci', '--include=dev', '--loglevel=error'], {
    cwd: fileURLToPath(root),
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}
