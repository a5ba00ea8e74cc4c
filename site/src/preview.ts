import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { serve } from 'vitepress';
import { ROOT, workFolder } from './project.ts';

/** Serves what was built. */
export async function preview(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: { port: { type: 'string', default: '4173' } },
  });
  if (!existsSync(join(workFolder(), 'site/index.html')))
    throw new Error('Nothing was built yet. Run: npm run docs');
  await serve({ root: join(ROOT, 'site'), port: Number(values.port) });
}
