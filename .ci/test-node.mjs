// The packed packages under every major of Node.js that they support, which npm brings: `npm run test:node`, or with majors
// behind it, `npm run test:node -- 22`. Under each one: every entry imported and required, a delivery over a socket, the
// adapter conformance cases, and every scheme.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { casesProject, testUnder } from '../test/hosts/runtimes/packed-cases.ts';

const MAJORS = ['20', '22', '24', '26'];

/**
 * The package with the executable itself, under a name of its own. The package `node` only runs an install script that installs
 * this one, and has one name for all versions.
 */
function packages(majors) {
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `${prefix}-${platform}-${process.arch}`;
  return Object.fromEntries(majors.map((major) => [`node${major}`, `npm:${name}@${major}`]));
}

async function runtimeOf(project, major) {
  const home = join(project.folder, 'node_modules', `node${major}`);
  const { bin, version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'));
  return { name: `Node ${version}`, binary: join(home, bin.node), args: [] };
}

const asked = process.argv.slice(2);
const majors = asked.length > 0 ? asked : MAJORS;
const project = await casesProject(packages(majors));
try {
  for (const major of majors) {
    if (!(await testUnder(project, await runtimeOf(project, major), 'node'))) process.exitCode = 1;
  }
} finally {
  await project.remove();
}
