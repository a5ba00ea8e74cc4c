import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../../consumers/packages.ts';

/** A table of a migration guide: which request gets which response from which of the page's files. */
export interface StatusTable {
  /** Names of files of the page. */
  readonly files: readonly string[];
  /** Names of requests. */
  readonly requests: readonly string[];
  /** The lines of the page. */
  readonly text: string;
}

/** One page of docs/migrate, as the tests read it. */
export interface GuidePage {
  readonly path: string;
  readonly text: string;
  /** The code blocks by the file name in their first line, a comment. */
  readonly files: ReadonlyMap<string, string>;
  readonly tables: readonly StatusTable[];
}

export function readGuidePage(name: string): GuidePage {
  const path = join(ROOT, 'docs/migrate', `${name}.md`);
  const text = readFileSync(path, 'utf8');
  const files = [...text.matchAll(/^```(?:ts|js)\n\/\/ (\S+\.(?:ts|js))\n(.*?)^```$/gms)].map(
    ([, file = '', code = '']) => [file, code] as const,
  );
  return { path, text, files: new Map(files), tables: tablesOf(text) };
}

/** The table as it has to be: with what each file responded to each request. */
export function tableOf(
  { files, requests }: StatusTable,
  responses: ReadonlyMap<string, readonly string[]>,
): string {
  const rows = [
    ['request', ...files.map((file) => `\`${file}\``)],
    ['---', ...files.map(() => '---')],
    ...requests.map((request, row) => [request, ...files.map((file) => responses.get(file)?.[row] ?? '')]),
  ];
  return `${rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

/** Every table whose columns are files of the page. */
function tablesOf(page: string): StatusTable[] {
  return [...page.matchAll(/^\|.*\|\n\| ---.*\|\n(?:\|.*\|\n)+/gm)].flatMap(([text]) => {
    const [[, ...columns] = [], , ...rows] = text.trim().split('\n').map(cellsOf);
    if (!columns.every((cell) => /^`\S+\.(?:ts|js)`$/.test(cell))) return [];
    const files = columns.map((cell) => cell.slice(1, -1));
    return [{ text, files, requests: rows.map(([request = '']) => request) }];
  });
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());
}
