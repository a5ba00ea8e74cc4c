import type { Page } from './pages.ts';
import { SECTIONS, type Section } from './sections.ts';

/** A section with its pages in order. */
export interface Chapter {
  readonly section: Section;
  readonly pages: readonly Page[];
}

/** Distributes the pages over the sections. The home page is in none. */
export function chaptersOf(pages: readonly Page[]): Chapter[] {
  const named = new Set(SECTIONS.flatMap((section) => section.pages.flatMap((name) => pagesAt(name, pages))));
  const rest = pages.filter((page) => !named.has(page) && page.place !== 'index.md').sort(byOrder);
  return SECTIONS.map((section) => ({
    section,
    pages: [...section.pages.flatMap((name) => pagesAt(name, pages)), ...(section.rest === true ? rest : [])],
  })).filter((chapter) => chapter.pages.length > 0);
}

function pagesAt(name: string, pages: readonly Page[]): Page[] {
  if (!name.endsWith('/')) return pages.filter(({ place }) => place === `${name}.md`);
  return pages.filter(({ place }) => place.startsWith(name)).sort(byOrder);
}

/** The index of a folder first, then by `order`, then by title. */
function byOrder(a: Page, b: Page): number {
  return (
    Number(isIndex(b)) - Number(isIndex(a)) ||
    (a.order ?? Number.POSITIVE_INFINITY) - (b.order ?? Number.POSITIVE_INFINITY) ||
    a.title.localeCompare(b.title, 'en', { sensitivity: 'base' })
  );
}

function isIndex({ place }: Page): boolean {
  return place.endsWith('/index.md');
}

interface SidebarItem {
  text: string;
  link?: string;
  items?: SidebarItem[];
  collapsed?: boolean;
}

/** The sidebars of VitePress, by the folder in which each is shown. */
export function sidebarsOf(pages: readonly Page[]): Record<string, SidebarItem[]> {
  const chapters = chaptersOf(pages);
  const apart = chapters.flatMap(({ section }) => section.apart ?? []);
  return Object.fromEntries(
    ['', ...apart].map((folder) => [`/${folder}`, chapters.map((chapter) => groupOf(chapter, folder))]),
  );
}

function groupOf({ section, pages }: Chapter, folder: string): SidebarItem {
  const [first] = pages;
  const isElsewhere = section.apart !== undefined && section.apart !== folder;
  const isThere = section.apart !== undefined && section.apart === folder;
  // A list of some hundred pages is sent only where it is shown.
  const shown = isElsewhere
    ? pages.filter((page) => page === first || !page.place.startsWith(section.apart ?? ''))
    : pages;
  return {
    text: section.title,
    collapsed: !isThere && section.closed === true,
    items: shown.map((page) => ({ text: labelOf(page), link: linkOf(page) })),
  };
}

/** The name of a page in the navigation. An index has that of its list. */
function labelOf({ title, place }: Page): string {
  if (place === 'senders/index.md') return 'All senders';
  if (place === 'errors/index.md') return 'All codes';
  return title.replace(/^(?:ERR_WEBHOOK_|@countersign\/)/, '');
}

export function linkOf({ place }: Page): string {
  return `/${place.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '')}`;
}
