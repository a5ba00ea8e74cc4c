// `npm run example -- NAME`: starts an example. Without a name, or with an unknown one, it lists all of them.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [name, ...args] = process.argv.slice(2);
const packages = new Map(
  readdirSync(new URL('.', import.meta.url))
    .map((folder) => [folder, new URL(`${folder}/package.json`, import.meta.url)])
    .filter(([, path]) => existsSync(path))
    .map(([folder, path]) => [folder, JSON.parse(readFileSync(path, 'utf8'))]),
);

if (packages.has(name)) {
  const npm = process.env.npm_execpath;
  const [command, ...before] = npm === undefined ? ['npm'] : [process.execPath, npm];
  const child = spawn(command, [...before, 'start', '-w', `examples/${name}`, '--', ...args], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.once('close', (code) => {
    process.exitCode = code ?? 1;
  });
} else {
  const width = Math.max(...[...packages.keys()].map((each) => each.length));
  const lines = [...packages].map(([each, { description }]) => `  ${each.padEnd(width)}  ${description}`);
  const text = `npm run example -- NAME starts one of these:\n${lines.join('\n')}`;
  if (name === undefined) console.log(text);
  else console.error(`There is no example "${name}".\n${text}`);
  process.exitCode = name === undefined ? 0 : 2;
}
