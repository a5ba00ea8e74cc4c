// Builds the page: one script and one style, without any file beside them. Run as a script, it prints the sizes.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** @returns {Promise<{ script: string, style: string }>} */
export async function buildPage() {
  const { outputFiles } = await build({
    absWorkingDir: folder,
    entryPoints: { page: 'main.tsx', style: 'style.css' },
    outdir: 'out',
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    // The first ones with light-dark().
    target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    // The sources' own condition would find TypeScript in other packages, and the page needs only types of them.
    conditions: [],
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'silent',
  });
  const text = (extension) => outputFiles.find(({ path }) => path.endsWith(extension))?.text.trim() ?? '';
  // Neither may end its element early.
  const script = text('.js').replaceAll('</script', '<\\/script');
  const style = text('.css').replaceAll('</style', '<\\/style');
  return { script, style };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { script, style } = await buildPage();
  console.log(`script ${Buffer.byteLength(script)} bytes, style ${Buffer.byteLength(style)} bytes`);
}
