// Runs one of this repository's tools, after installing what is missing:
//
//   node .ci/bootstrap.mjs vitest run
//
// so that `npm test`, `npm run demo` and the others each work as the first command after a clone.
// Plain JavaScript without dependencies, because nothing may be installed yet.
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);

/** Tools whose name is not the name of their package. */
const packages = { biome: '@biomejs/biome', tsc: 'typescript' };

/** Settings that have no place in the tools' own configuration. */
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1' };

/** Runs a JavaScript file in a Node process of its own; gives its exit code. */
function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: fileURLToPath(root), env, stdio: 'inherit' });
    // The terminal sends Ctrl-C to the child too; the other signals come to this process alone.
    process.on('SIGINT', () => {});
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** When a file was last written, or 0 where there is none. */
function written(path) {
  return statSync(new URL(path, root), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

async function install() {
  // npm writes this file last: it is missing after an install that was cut short.
  const installed = written('node_modules/.package-lock.json');
  if (installed > 0 && installed >= written('package-lock.json')) return 0;
  const npm = process.env.npm_execpath;
  if (!npm?.includes('npm-cli')) {
    console.error('Not what package-lock.json says is installed: run `npm ci`, or run this through npm.');
    return 1;
  }
  const why = installed > 0 ? 'package-lock.json changed since the last install' : 'nothing is installed yet';
  console.log(`Running \`npm ci\`, as ${why}.`);
  // Development dependencies even where NODE_ENV says production.
  return run([npm, 'ci', '--include=dev']);
}

/** The JavaScript file behind a tool's name, so that Node can start it alike on every system. */
function toolPath(tool) {
  const home = new URL(`node_modules/${packages[tool] ?? tool}/`, root);
  const { bin } = JSON.parse(readFileSync(new URL('package.json', home), 'utf8'));
  return fileURLToPath(new URL(typeof bin === 'string' ? bin : bin[tool], home));
}

const [tool, ...args] = process.argv.slice(2);
process.exitCode = (await install()) || (await run([toolPath(tool), ...args]));
