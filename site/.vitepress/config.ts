import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitepress';
import { REPOSITORY } from '../../.ci/project.ts';
import { allowAnchors } from '../src/anchors.ts';
import { apiPlaces } from '../src/api-reference-places.ts';
import { renderDiagrams } from '../src/diagrams.ts';
import { slugOf } from '../src/markdown.ts';
import { linkOf, sidebarsOf } from '../src/navigation.ts';
import { allPages, type Page } from '../src/pages.ts';
import { SITE, workFolder } from '../src/project.ts';

const work = workFolder();
const pages: Page[] = [...allPages(), ...apiPlaces(join(work, 'pages')).map(apiPage)];
const base = new URL(SITE).pathname;
const firstOf = (folder: string) => pages.find(({ place }) => place.startsWith(folder));
const start = firstOf('start/');

export default defineConfig({
  ...{ title: 'Countersign', lang: 'en-US', base, cleanUrls: true, metaChunk: true },
  description: 'Verifies signed webhooks in Node.js, and rotates their secrets without a lost delivery',
  ...{ srcDir: join(work, 'pages'), outDir: join(work, 'site'), cacheDir: join(work, 'cache') },
  head: [
    ['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}mark.svg` }],
    ['meta', { name: 'theme-color', content: '#0f766e' }],
  ],
  transformHead: ({ pageData }) => [
    ['link', { rel: 'alternate', type: 'text/markdown', href: base + pageData.relativePath }],
  ],
  markdown: {
    // The pages are prose and code, no Vue components: `<id>` in a table is text.
    html: false,
    anchor: { slugify: slugOf },
    theme: { light: 'github-light', dark: 'github-dark' },
    config: (md) => {
      renderDiagrams(md);
      allowAnchors(md);
      const { text } = md.renderer.rules;
      // Vue would take it for an expression.
      md.renderer.rules.text = (...args) =>
        (text?.(...args) ?? '').replaceAll('{{', '&#123;&#123;').replaceAll('}}', '&#125;&#125;');
    },
  },
  sitemap: { hostname: SITE },
  themeConfig: {
    logo: '/mark.svg',
    nav: [
      ...(start === undefined ? [] : [{ text: 'Start', link: linkOf(start) }]),
      { text: 'Why was it refused?', link: '/why-was-it-refused' },
      { text: 'Senders', link: '/senders/' },
      { text: 'Errors', link: '/errors/' },
      ...(firstOf('api/') === undefined ? [] : [{ text: 'API', link: '/api/' }]),
    ],
    sidebar: sidebarsOf(pages),
    outline: { level: [2, 3] },
    search: {
      provider: 'local',
      options: { detailedView: true, miniSearch: { searchOptions: { boostDocument } } },
    },
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    docFooter: { prev: false, next: false },
    externalLinkIcon: true,
  },
});

/** Guides first, then senders, then the API. It runs in the browser, so it uses nothing from here. */
function boostDocument(id: string): number {
  if (id.includes('/api/')) return 0.3;
  return id.includes('/senders/') || id.includes('/project/') ? 0.6 : 1;
}

/** A page of the API reference, as typedoc wrote it. */
function apiPage(place: string): Page {
  const markdown = readFileSync(join(work, 'pages', place), 'utf8');
  const [, heading = place] = /^# (.+)$/m.exec(markdown) ?? [];
  const title = place === 'api/index.md' ? 'All packages' : heading.replaceAll('\\', '');
  return { place, file: place, title, summary: '', order: undefined, markdown };
}
