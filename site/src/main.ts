// `npm run docs` builds the site. `npm run docs -- dev` shows it while you write; `-- preview` shows what was built; `-- measure` counts.
import { buildSite } from './build.ts';
import { dev } from './dev.ts';
import { measure } from './measure.ts';
import { preview } from './preview.ts';

const COMMANDS: Readonly<Record<string, (options: readonly string[]) => Promise<void>>> = {
  build: (options) => buildSite({ api: !options.includes('--without-api') }),
  dev,
  preview,
  measure,
};

const [name = 'build', ...options] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (command === undefined) {
  console.error(`There is no docs command "${name}". There are: ${Object.keys(COMMANDS).join(', ')}.`);
  process.exitCode = 2;
} else {
  await command(options);
}
