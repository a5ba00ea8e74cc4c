import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { imagePlace, siteLinks } from './links.ts';
import { allPages, type Page, placesOf } from './pages.ts';
import { ROOT } from './project.ts';

/**
 * Writes the Markdown of all pages to a folder, with the links of the site. So the pages keep the links of the repository, where most
 * people read them first, and the READMEs of the packages are pages without a copy in git.
 *
 * A file that did not change is not written, so that VitePress reloads only what did. Files that belong to no page are removed.
 *
 * @returns The pages.
 * @throws Error if a link of a page leads to nothing.
 */
export function assemble(folder: string): Page[] {
  const pages = allPages();
  const places = placesOf(pages);
  const images = new Set<string>();
  for (const { place, file, markdown } of pages) {
    const targets = { pages: places, image: (image: string) => images.add(image) };
    write(join(folder, place), siteLinks(markdown, file, place, targets));
  }
  for (const image of images) {
    mkdirSync(join(folder, 'images'), { recursive: true });
    copyFileSync(join(ROOT, image), join(folder, imagePlace(image)));
  }
  mkdirSync(join(folder, 'public'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'site/public')))
    copyFileSync(join(ROOT, 'site/public', name), join(folder, 'public', name));
  removeStale(folder, new Set(pages.map(({ place }) => place)));
  return pages;
}

function write(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** The API reference is typedoc's own. */
function removeStale(folder: string, places: ReadonlySet<string>): void {
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const place = path.replaceAll('\\', '/');
    if (place.endsWith('.md') && !place.startsWith('api/') && !places.has(place)) rmSync(join(folder, path));
  }
}
