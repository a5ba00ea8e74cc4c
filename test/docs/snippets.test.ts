import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { ROOT } from '../consumers/packages.ts';
import { snippetsOf } from '../consumers/readme-snippets.ts';

// The code of the guides compiles, against the sources. (That of the README files compiles against the packed packages: consumers.test.ts.)

const PAGES = ['operating', 'queue'] as const;

/** Where a snippet is compiled: only this package has Terminus. */
function folderOf(code: string): string {
  return code.includes('@nestjs/terminus') ? 'packages/nestjs/test' : 'test/docs';
}

test.each(PAGES)('the code of docs/%s.md compiles', (page) => {
  const snippets = new Map(
    snippetsOf(join('docs', `${page}.md`), page).map(({ file, code }) => [
      join(ROOT, folderOf(code), `snippet-${file}`),
      code,
    ]),
  );
  expect(snippets.size).toBeGreaterThan(0);
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => snippets.has(file) || fileExists(file);
  host.readFile = (file) => snippets.get(file) ?? readFile(file);
  const program = ts.createProgram([...snippets.keys()], options, host);
  const faults = [...snippets.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText, start = 0 }) =>
        `${source?.text.slice(start, start + 40)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
  expect(faults).toEqual([]);
});
