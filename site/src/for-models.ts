import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { withoutFrontMatter } from './markdown.ts';
import { chaptersOf } from './navigation.ts';
import type { Page } from './pages.ts';
import { SITE } from './project.ts';

const INTRODUCTION = [
  '# Countersign',
  '',
  '> Countersign verifies signed webhooks in Node.js: one verifier, an adapter for Express, Fastify, Koa, NestJS, fetch and AWS Lambda, and a',
  '> scheme for more than a hundred senders. Secrets can be rotated at any time without a lost delivery.',
  '',
];

/**
 * Puts the Markdown of each page beside its HTML, and writes `llms.txt` (a list of all pages) and `llms-full.txt` (their text), as
 * https://llmstxt.org describes them.
 *
 * @param folder The assembled Markdown, with the links of the site.
 * @param site The built site.
 */
export function writeForModels(folder: string, site: string, pages: readonly Page[]): void {
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.md')) continue;
    mkdirSync(dirname(join(site, path)), { recursive: true });
    copyFileSync(join(folder, path), join(site, path));
  }
  const chapters = chaptersOf(pages);
  const list = chapters.flatMap(({ section, pages: own }) => [
    // What a reader with little room leaves out.
    `## ${section.apart === 'senders/' ? 'Optional' : section.title}`,
    '',
    ...own.map(lineOf),
    '',
  ]);
  writeFileSync(join(site, 'llms.txt'), [...INTRODUCTION, ...list].join('\n'));
  const texts = chapters.flatMap(({ pages: own }) =>
    own.map(({ place }) => {
      const text = withoutFrontMatter(readFileSync(join(folder, place), 'utf8')).trim();
      return `<!-- ${SITE}${place} -->\n\n${text}\n`;
    }),
  );
  writeFileSync(join(site, 'llms-full.txt'), [...INTRODUCTION, ...texts].join('\n'));
}

function lineOf({ place, title, summary }: Page): string {
  return `- [${title}](${SITE}${place})${summary === '' ? '' : `: ${summary}`}`;
}
