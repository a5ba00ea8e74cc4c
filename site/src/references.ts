import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SITE } from './project.ts';
import { fileAt } from './serve.ts';

/** A link, a script, a style or an image of a page of the built site. */
export interface Reference {
  readonly page: string;
  readonly target: string;
}

/** The pages of the built site. */
export function htmlFiles(site: string): string[] {
  return readdirSync(site, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.html') && path !== '404.html')
    .sort();
}

/** What a page refers to inside of the site. */
export function referencesOf(site: string, page: string): Reference[] {
  return targetsOf(site, page)
    .filter((target) => !isElsewhere(target))
    .map((target) => ({ page, target }));
}

/** What a page loads from elsewhere. A link is not loaded. */
export function externalAssets(site: string, page: string): string[] {
  const html = readFileSync(join(site, page), 'utf8');
  const loaded = html.matchAll(/<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)="([^"]+)"/g);
  return [...loaded].map(([, target = '']) => target).filter(isElsewhere);
}

/** The references that lead to no file, or to a page without that anchor. */
export function brokenReferences(site: string): Reference[] {
  const anchors = new Map<string, Set<string>>();
  const anchorsOf = (file: string) => {
    const known = anchors.get(file);
    if (known !== undefined) return known;
    const ids = [...readFileSync(file, 'utf8').matchAll(/\sid="([^"]+)"/g)].map(([, id = '']) =>
      unescaped(id),
    );
    anchors.set(file, new Set(ids));
    return anchors.get(file) ?? new Set<string>();
  };
  return htmlFiles(site)
    .flatMap((page) => referencesOf(site, page))
    .filter(({ page, target }) => {
      const url = new URL(target, new URL(page, SITE));
      const file = fileAt(site, url.pathname);
      if (file === undefined) return true;
      if (url.hash === '' || !file.endsWith('.html')) return false;
      return !anchorsOf(file).has(decodeURIComponent(url.hash.slice(1)));
    });
}

function targetsOf(site: string, page: string): string[] {
  const html = readFileSync(join(site, page), 'utf8');
  return [...html.matchAll(/\s(?:href|src)="([^"]+)"/g)].map(([, target = '']) => unescaped(target));
}

function isElsewhere(target: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(target) && !target.startsWith(SITE);
}

function unescaped(text: string): string {
  return text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'");
}
