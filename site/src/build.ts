import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vitepress';
import { assemble } from './assemble.ts';
import { writeForModels } from './for-models.ts';
import { ROOT, workFolder } from './project.ts';

/** Builds the site into `site` of the work folder. Without the API reference it takes half the time: tests do without it. */
export async function buildSite({ api }: { readonly api: boolean }): Promise<void> {
  const work = workFolder();
  const folder = join(work, 'pages');
  rmSync(folder, { recursive: true, force: true });
  const pages = assemble(folder);
  if (api) {
    // Loaded only here: it brings the TypeScript compiler.
    const { writeApiReference } = await import('./api-reference.ts');
    await writeApiReference(join(folder, 'api'));
  }
  await build(join(ROOT, 'site'));
  writeForModels(folder, join(work, 'site'), pages);
  console.log(`The site is in ${join(work, 'site')}. To see it: npm run docs -- preview`);
}
