import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isRelative, linksOf } from '../../site/src/links.ts';
import { headingsOf } from '../../site/src/markdown.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function pagesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return ['node_modules', 'dist', '.git', 'fixtures'].includes(entry.name) ? [] : pagesIn(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** The page that a link leads to: the file, or what is shown for a folder. Nothing, if it is not Markdown. */
function pageAt(path: string): string | undefined {
  if (path.endsWith('.md')) return path;
  const readme = join(path, 'README.md');
  return statSync(path).isDirectory() && existsSync(readme) ? readme : undefined;
}

/** What is wrong with a link, if anything. */
function faultOf(page: string, link: string): string | undefined {
  const [target = '', anchor] = link.split('#');
  const path = target === '' ? join(ROOT, page) : join(ROOT, dirname(page), target);
  if (!existsSync(path)) return `${link}: there is no such file`;
  if (anchor === undefined) return undefined;
  const linked = pageAt(path);
  if (linked === undefined) return undefined;
  const anchors = headingsOf(readFileSync(linked, 'utf8')).map((heading) => heading.anchor);
  return anchors.includes(anchor) ? undefined : `${link}: the page has no such heading`;
}

test.each(pagesIn(ROOT).map((path) => relative(ROOT, path)))(
  'the links of %s lead to files and headings that exist',
  (page) => {
    const links = linksOf(readFileSync(join(ROOT, page), 'utf8'));
    const own = links.filter((link) => isRelative(link) || link.startsWith('#'));
    expect(own.flatMap((link) => faultOf(page, link) ?? [])).toEqual([]);
  },
);
