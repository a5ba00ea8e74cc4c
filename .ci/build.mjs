// Builds the package in whose folder it runs. From the same sources it makes ES modules, CommonJS, and the types of both. Each entry
// of "exports" becomes one file. What several entries share stays in files of its own, so that it exists once.
import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { rolldown } from 'rolldown';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

/** Dependencies that are published as ES modules only. CommonJS contains them: Jest can't `require()` an ES module. */
const ONLY_ESM = ['jose'];

const tsconfig = join(process.cwd(), 'tsconfig.json');
const { exports, dependencies = {} } = JSON.parse(readFileSync('package.json', 'utf8'));

/** The source of each entry, by its path in dist/ without an extension. */
const input = Object.fromEntries(
  Object.values(exports)
    .flatMap((targets) => targets['countersign-source'] ?? [])
    .map((source) => [relative('src', source).replace(/\.ts$/, ''), source]),
);
const inlined = ONLY_ESM.filter((name) => name in dependencies);
const isPackage = (id) => /^[@a-z]/.test(id);

/** A bundler that takes one scheme must be able to leave out the others. */
const pureSchemes = {
  name: 'pure-schemes',
  transform: {
    filter: { code: 'Scheme(' },
    handler: (code) => code.replace(/^((?:export )?const \w+ = )(define\w*Scheme\()/gm, '$1/* @__PURE__ */ $2'),
  },
};

const naming = (extension) => ({
  dir: 'dist',
  entryFileNames: `[name].${extension}`,
  chunkFileNames: `shared/[name].${extension}`,
});

async function buildCode(format, extension, external) {
  const bundle = await rolldown({ input, external, tsconfig, platform: 'node', plugins: [pureSchemes] });
  await bundle.write({
    ...naming(extension),
    format,
    exports: 'named',
    strict: true,
    // Jest can't import() from CommonJS.
    dynamicImportInCjs: false,
    // The types have the documentation.
    comments: { annotation: true, legal: true, jsdoc: false },
  });
  await bundle.close();
}

async function buildTypes() {
  const bundle = await rollup({ input, external: isPackage, plugins: [dts({ tsconfig })] });
  for (const extension of ['d.ts', 'd.cts']) await bundle.write({ ...naming(extension), format: 'es' });
  await bundle.close();
}

rmSync('dist', { recursive: true, force: true });
await buildCode('esm', 'js', isPackage);
await buildCode('cjs', 'cjs', (id) => isPackage(id) && !inlined.includes(id));
await buildTypes();
for (const name of inlined) {
  const manifest = createRequire(join(process.cwd(), 'package.json')).resolve(`${name}/package.json`);
  copyFileSync(join(dirname(manifest), 'LICENSE.md'), join('dist', `LICENSE-${name}.md`));
}
