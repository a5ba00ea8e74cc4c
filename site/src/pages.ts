import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { errorIndex } from './error-index.ts';
import { frontMatterOf, summaryOf, titleOf } from './markdown.ts';
import { PACKAGES, ROOT } from './project.ts';
import { senderIndex } from './sender-index.ts';

/** A page of the site. */
export interface Page {
  /** Its place on the site: `start/express.md`. */
  readonly place: string;
  /** Its file, from the root. Pages that the site makes have a name there that does not exist. */
  readonly file: string;
  readonly title: string;
  readonly summary: string;
  readonly order: number | undefined;
  /** As in the repository. */
  readonly markdown: string;
}

/** Files outside of `docs/` and `packages/` that are pages, by their place. */
const OTHERS: Readonly<Record<string, string>> = {
  'project/security.md': '.github/SECURITY.md',
  'project/contributing.md': '.github/CONTRIBUTING.md',
  'project/benchmarks.md': 'bench/README.md',
  'project/demo.md': 'examples/rotation/README.md',
};

/** All pages, except those of the API reference, which a build makes. */
export function allPages(): Page[] {
  const guides = markdownFiles('docs').map((file) => pageOf(posix.relative('docs', file), file));
  const packages = PACKAGES.filter((folder) => existsSync(join(ROOT, folder, 'README.md'))).map((folder) =>
    pageOf(`${folder}.md`, `${folder}/README.md`),
  );
  const others = Object.entries(OTHERS)
    .filter(([, file]) => existsSync(join(ROOT, file)))
    .map(([place, file]) => pageOf(place, file));
  const pages = [...guides, ...packages, ...others];
  return [
    ...pages,
    made('senders/index.md', 'docs/senders/README.md', senderIndex(pages)),
    made('errors/index.md', 'docs/errors/README.md', errorIndex(pages)),
  ];
}

/** Where each file of the repository is on the site. */
export function placesOf(pages: readonly Page[]): Map<string, string> {
  return new Map([...pages.map(({ file, place }) => [file, place] as const), ['README.md', 'index.md']]);
}

function pageOf(place: string, file: string): Page {
  return made(place.replace(/(^|\/)README\.md$/, '$1index.md'), file, readFileSync(join(ROOT, file), 'utf8'));
}

function made(place: string, file: string, markdown: string): Page {
  return {
    ...{ place, file, markdown },
    title: titleOf(markdown, place),
    summary: summaryOf(markdown),
    order: frontMatterOf(markdown).order,
  };
}

function markdownFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : markdownFiles(path);
      return entry.name.endsWith('.md') ? [path] : [];
    })
    .sort();
}
