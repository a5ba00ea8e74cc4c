import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../consumers/packages.ts';
import { withNames } from '../consumers/readme-snippets.ts';
import { fencedBlocks } from './support/guide.ts';
import { NAMES_OF_PAGES } from './support/names-of-pages.ts';

// The code of the guides compiles, against the sources. (That of the README files compiles against the packed packages:
// consumers.test.ts.) The pages of senders are made from data that other tests check.

const PAGES = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  .map((file) => join('docs', file))
  .filter((file) => /^docs\/(?!senders\/|.*node_modules\/|\.vitepress\/).*\.md$/.test(file))
  .filter((page) => fencedBlocks(page).some(({ language }) => language === 'ts'))
  .sort();

/** Every snippet by the path of a file that is not there: files of one page import each other. */
const SNIPPETS = new Map(PAGES.flatMap((page) => [...snippetsOf(page)]));

function usesKoaBody(page: string): boolean {
  return [...snippetsOf(page).values()].some((code) => code.includes("'koa-body'"));
}

function snippetsOf(page: string): Map<string, string> {
  const snippets = new Map<string, string>();
  for (const { language, file, code } of fencedBlocks(page)) {
    if (language !== 'ts') continue;
    const named = join(folderOf(page, code), (file ?? 'snippet.ts').replace(/\.mjs$/, '.mts'));
    let path = named;
    for (let nth = 2; snippets.has(path); nth++) path = named.replace(/(?=\.m?ts$)/, `-${nth}`);
    snippets.set(path, withNames(code, NAMES_OF_PAGES[page]));
  }
  return snippets;
}

/** Where a snippet is compiled: beside the adapter of Nest, its own major is found, and Terminus. */
function folderOf(page: string, code: string): string {
  const workspace = code.includes('@nestjs/') ? 'packages/nestjs' : 'test';
  return join(ROOT, workspace, 'snippets', page.replace(/\.md$/, ''));
}

/** A program of some pages. The types of `koa-body` change those of every request, so its pages have one of their own. */
function compile(pages: readonly string[]): ts.Program {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT);
  // As projects with a bundler or a framework have it: imports of files need no extension.
  options.module = ts.ModuleKind.ESNext;
  options.moduleResolution = ts.ModuleResolutionKind.Bundler;
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => SNIPPETS.has(file) || fileExists(file);
  host.readFile = (file) => SNIPPETS.get(file) ?? readFile(file);
  host.directoryExists = (folder) =>
    existsSync(folder) || [...SNIPPETS.keys()].some((file) => file.startsWith(`${folder}/`));
  return ts.createProgram(
    pages.flatMap((page) => [...snippetsOf(page).keys()]),
    options,
    host,
  );
}

describe('the code of the guides compiles', () => {
  const [changed, others] = [PAGES.filter(usesKoaBody), PAGES.filter((page) => !usesKoaBody(page))];
  const [programOfChanged, programOfOthers] = [compile(changed), compile(others)];

  test.each(PAGES)('%s', (page) => {
    const program = usesKoaBody(page) ? programOfChanged : programOfOthers;
    const faults = [...snippetsOf(page).keys()].flatMap((file) => {
      const source = program.getSourceFile(file);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        ({ messageText, start = 0 }) =>
          `${source?.text.slice(start, start + 40)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
    });
    expect(faults).toEqual([]);
  });

  test('the pages are there', () => {
    expect(PAGES).toContain('docs/start/express.md');
    expect(SNIPPETS.size).toBeGreaterThan(PAGES.length);
  });
});
