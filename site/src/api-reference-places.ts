import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

// Apart from what makes them: the configuration of VitePress must not load typedoc.

/** The places of the reference's pages, if it was made. */
export function apiPlaces(folder: string): string[] {
  if (!existsSync(join(folder, 'api'))) return [];
  return readdirSync(join(folder, 'api'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `api/${path.replaceAll('\\', '/')}`)
    .sort();
}
