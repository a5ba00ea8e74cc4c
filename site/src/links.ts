import { existsSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { REPOSITORY } from '../../.ci/project.ts';
import { outsideCode } from './markdown.ts';
import { ROOT } from './project.ts';

/** What a link of a page leads to. */
export interface LinkTargets {
  /** The place on the site of each file of the repository that is a page: `docs/design.md` → `design.md`. */
  readonly pages: ReadonlyMap<string, string>;
  /** Is told of each image, which the site needs too. */
  readonly image: (file: string) => void;
}

/** `](target)` with an optional title, and `[label]: target` at the beginning of a line. */
const LINK = /(\]\(\s*<?|^\[[^\]]+\]:\s+<?)([^\s()<>]+(?:\([^\s()]*\)[^\s()<>]*)?)/gm;

/** The targets of all links and images of a page, outside of code. */
export function linksOf(markdown: string): string[] {
  const targets: string[] = [];
  outsideCode(markdown, (text) => {
    targets.push(...[...text.matchAll(LINK)].map(([, , target = '']) => target));
    return text;
  });
  return targets;
}

/** Whether a link leads to a file of the repository. */
export function isRelative(target: string): boolean {
  return !/^(?:[a-z][a-z0-9+.-]*:|\/\/|#)/i.test(target);
}

/**
 * Rewrites the links of a page, which are those of the repository, into those of the site. What is not a page is shown by the
 * repository's host.
 *
 * @param file The page's file, from the root.
 * @param place The page's place on the site.
 * @throws Error if a link leads to nothing.
 */
export function siteLinks(markdown: string, file: string, place: string, targets: LinkTargets): string {
  return outsideCode(markdown, (text) =>
    text.replace(LINK, (link, before: string, target: string) => {
      if (!isRelative(target)) return link;
      const [path = '', anchor] = target.split('#');
      const linked = posix.join(posix.dirname(file), path);
      if (!targets.pages.has(linked) && !existsSync(join(ROOT, linked)))
        throw new Error(`${file} links to ${target}, which does not exist.`);
      const changed = siteTarget(linked, posix.dirname(place), targets);
      return `${before}${changed}${anchor === undefined ? '' : `#${anchor}`}`;
    }),
  );
}

function siteTarget(linked: string, from: string, { pages, image }: LinkTargets): string {
  const found = pageAt(linked, pages);
  if (found !== undefined) return relativePath(from, found);
  if (/\.(?:png|svg|jpe?g|webp)$/.test(linked)) {
    image(linked);
    return relativePath(from, imagePlace(linked));
  }
  const kind = statSync(join(ROOT, linked)).isDirectory() ? 'tree' : 'blob';
  return `${REPOSITORY}/${kind}/HEAD/${linked.replace(/\/$/, '')}`;
}

/** With `./` in front, so that a tool takes it for no package. */
function relativePath(from: string, to: string): string {
  const path = posix.relative(from, to);
  return path.startsWith('.') ? path : `./${path}`;
}

/** Where the site keeps an image of the repository. */
export function imagePlace(file: string): string {
  return `images/${file.replaceAll('/', '-')}`;
}

function pageAt(linked: string, pages: ReadonlyMap<string, string>): string | undefined {
  const folder = linked.replace(/\/$/, '');
  return pages.get(linked) ?? pages.get(`${folder}/README.md`) ?? pages.get(`${folder}/index.md`);
}
