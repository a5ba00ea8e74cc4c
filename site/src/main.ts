// `npm run docs` builds the site. `npm run docs -- dev` shows it while you write; `-- preview` shows what was built; `-- measure` counts.

/** Each loads what it needs: nobody waits for typedoc to see a preview. */
const COMMANDS: Readonly<Record<string, (options: readonly string[]) => Promise<void>>> = {
  async build(options) {
    const { buildSite } = await import('./build.ts');
    await buildSite({ api: !options.includes('--without-api') });
  },
  async dev() {
    const { dev } = await import('./dev.ts');
    await dev();
  },
  async preview(options) {
    const { preview } = await import('./preview.ts');
    await preview(options);
  },
  async measure() {
    const { measure } = await import('./measure.ts');
    await measure();
  },
};

const [name = 'build', ...options] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (command === undefined) {
  console.error(`There is no docs command "${name}". There are: ${Object.keys(COMMANDS).join(', ')}.`);
  process.exitCode = 2;
} else {
  await command(options);
}
