import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DOCS } from '../../packages/core/src/util/docs.ts';

/** The repository's root folder, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where the site is served. Core's warnings link to it, so core has the constant. */
export const SITE = DOCS;

/** The folders of the packages, from the root. */
export const PACKAGES: readonly string[] = readdirSync(join(ROOT, 'packages'))
  .sort()
  .map((name) => `packages/${name}`);

/** The folder of a build: its Markdown in `pages`, the site in `site`. The configuration of VitePress reads it too. */
export function workFolder(): string {
  return process.env.SITE_WORK ?? join(ROOT, 'site/dist');
}
