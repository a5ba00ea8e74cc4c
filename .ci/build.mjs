// Builds the package in whose folder it runs. From the same sources it makes ES modules, CommonJS, and the types of both. Each entry
// of "exports" becomes one file. What several entries share stays in files of its own, so that it exists once.
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import ts from 'typescript';

/** Dependencies that are published as ES modules only. CommonJS contains them: Jest can't `require()` an ES module. */
const ONLY_ESM = ['jose'];

const tsconfig = join(process.cwd(), 'tsconfig.json');
const {
  exports,
  dependencies = {},
  peerDependencies = {},
} = JSON.parse(readFileSync('package.json', 'utf8'));

/** The source of each entry, by its path in dist/ without an extension. */
const input = Object.fromEntries(
  Object.values(exports)
    .flatMap((targets) => targets['countersign-source'] ?? [])
    .map((source) => [relative('src', source).replace(/\.ts$/, ''), source]),
);
const installed = Object.keys({ ...dependencies, ...peerDependencies });
const inlined = ONLY_ESM.filter((name) => name in dependencies);
const isOf = (names, id) => names.some((name) => id === name || id.startsWith(`${name}/`));
const isInstalled = (id) => id.startsWith('node:') || isOf(installed, id);

/**
 * Marks what schemes are made with as free of effects, so that a bundler that takes one scheme leaves out the others. Leaves out the
 * sources of their facts: a third of the code, and only the pages of docs/senders show them.
 */
const smallSchemes = {
  name: 'small-schemes',
  transform: {
    filter: { id: '**/schemes/src/**' },
    handler: (code, id) => markCalls(withoutSources(code, id), id),
  },
};

/** Removes the property `about` of all objects. */
function withoutSources(code, id) {
  const spans = [];
  const visit = (node) => {
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'about') {
      const comma = code.slice(node.getEnd()).match(/^\s*,/)?.[0].length ?? 0;
      spans.push([node.getStart(), node.getEnd() + comma]);
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(id, code, ts.ScriptTarget.ES2022, true));
  return spans.toReversed().reduce((rest, [from, to]) => `${rest.slice(0, from)}${rest.slice(to)}`, code);
}

/** Marks the calls that initialize a module's variables. */
function markCalls(code, id) {
  const starts = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node)) return;
    if (ts.isCallExpression(node)) starts.push(node.getStart());
    ts.forEachChild(node, visit);
  };
  ts.createSourceFile(id, code, ts.ScriptTarget.ES2022, true)
    .statements.filter(ts.isVariableStatement)
    .forEach(visit);
  return starts
    .toSorted((a, b) => b - a)
    .reduce((marked, at) => `${marked.slice(0, at)}/* @__PURE__ */ ${marked.slice(at)}`, code);
}

/** Builds the page of the inspector, and puts it where the sources build it on demand. */
const inspectorPage = {
  name: 'inspector-page',
  load: {
    filter: { id: '**/inspector/src/page-source.ts' },
    handler: async () => {
      const { buildPage } = await import(pathToFileURL(join(process.cwd(), 'page/build.mjs')));
      return `export const pageSource = async () => (${JSON.stringify(await buildPage())});`;
    },
  },
};

const naming = (extension) => ({
  dir: 'dist',
  entryFileNames: `[name].${extension}`,
  chunkFileNames: `shared/[name].${extension}`,
});

async function buildCode(format, extension, external) {
  const bundle = await rolldown({
    ...{ input, external, tsconfig, platform: 'node' },
    transform: { target: 'es2022' },
    plugins: [smallSchemes, inspectorPage],
  });
  await bundle.write({
    ...naming(extension),
    format,
    exports: 'named',
    esModule: true,
    strict: true,
    // Jest can't import() from CommonJS.
    dynamicImportInCjs: false,
    // The types have the documentation.
    comments: { annotation: true, legal: true, jsdoc: false },
  });
  await bundle.close();
}

async function buildTypes() {
  const bundle = await rollup({ input, external: isInstalled, plugins: [dts({ tsconfig })] });
  const { output } = await bundle.write({ ...naming('d.cts'), format: 'es' });
  const files = output.map(({ fileName }) => fileName);
  if (output.every((chunk) => isAlikeForBoth(chunk, files))) {
    // One copy of the types, which an ES module finds through the other's. It is also one type for the two copies of a class.
    for (const entry of Object.keys(input)) {
      writeFileSync(join('dist', `${entry}.d.ts`), `export * from './${basename(entry)}.cjs';\n`);
    }
  } else {
    await bundle.write({ ...naming('d.ts'), format: 'es' });
  }
  await bundle.close();
}

/** Whether types mean the same to an ES module and to CommonJS. Other packages may have other types for each, or none for one. */
function isAlikeForBoth({ imports, exports: names, isEntry }, files) {
  const isOurs = (id) => files.includes(id) || /^(?:node:|@countersign\/)/.test(id);
  // `export *` leaves out a default export.
  return imports.every(isOurs) && !(isEntry && names.includes('default'));
}

rmSync('dist', { recursive: true, force: true });
await buildCode('esm', 'js', isInstalled);
await buildCode('cjs', 'cjs', (id) => isInstalled(id) && !isOf(inlined, id));
await buildTypes();
for (const name of inlined) {
  const manifest = createRequire(join(process.cwd(), 'package.json')).resolve(`${name}/package.json`);
  copyFileSync(join(dirname(manifest), 'LICENSE.md'), join('dist', `LICENSE-${name}.md`));
}
