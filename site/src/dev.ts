import { watch } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'vitepress';
import { assemble } from './assemble.ts';
import { PACKAGES, ROOT, workFolder } from './project.ts';

/** Serves the site while you write. A change of a page is shown at once; a new page, after a restart. */
export async function dev(): Promise<void> {
  const folder = join(workFolder(), 'pages');
  assemble(folder);
  const server = await createServer(join(ROOT, 'site'));
  await server.listen();
  server.printUrls();
  for (const source of ['docs', ...PACKAGES]) {
    watch(join(ROOT, source), { recursive: source === 'docs' }, (_, file) => {
      if (file?.endsWith('.md') !== true) return;
      try {
        assemble(folder);
      } catch (error) {
        // A link may lead nowhere while it is being typed.
        console.error(error instanceof Error ? error.message : error);
      }
    });
  }
}
