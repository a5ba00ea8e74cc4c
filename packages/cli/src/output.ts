import { stripVTControlCharacters } from 'node:util';
import type { Console } from './console.ts';

/** The width of texts. A terminal that is narrower narrows them. */
const WIDTH = 80;

/** How a text looks on a terminal. Elsewhere all look alike. */
export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red';

const CODES: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  green: [32, 39],
  yellow: [33, 39],
  red: [31, 39],
};

/** Writes what a command prints. */
export interface Output {
  readonly width: number;
  /** Colors a text if there is a terminal and `NO_COLOR` is not set. */
  style(style: Style, text: string): string;
  /** Writes one line as it is. */
  line(text?: string): void;
  /** Writes a text, broken between words, behind the indent. The lines after the first have `hanging` more spaces. */
  text(text: string, indent?: number, hanging?: number): void;
  /** Writes rows as columns. The last column may be broken between words; no other should be long. */
  table(rows: readonly (readonly string[])[], indent?: number): void;
  /** Writes a value as one JSON document. */
  json(value: unknown): void;
}

/** Writes to the standard output of a command. */
export function createOutput({ stdout, env }: Console): Output {
  const isColored = stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb' && env.FORCE_COLOR !== '0';
  const width = Math.max(20, stdout.isTTY === true ? Math.min(stdout.columns || WIDTH, WIDTH) : WIDTH);
  const write = (text: string) => void stdout.write(`${text}\n`);
  return {
    width,
    style(style, text) {
      const [on, off] = CODES[style];
      return isColored && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
    },
    line: (text = '') => write(text),
    text(text, indent = 0, hanging = 0) {
      const [first = '', ...rest] = wrap(text, width - indent, width - indent - hanging);
      write(`${' '.repeat(indent)}${first}`);
      for (const line of rest) write(`${' '.repeat(indent + hanging)}${line}`);
    },
    table(rows, indent = 0) {
      const columns = Math.max(0, ...rows.map((row) => row.length));
      const widths = Array.from({ length: columns - 1 }, (_, at) =>
        Math.max(...rows.map((row) => (row.length > at + 1 ? visibleLength(row[at] ?? '') : 0))),
      );
      for (const row of rows) {
        const head = row
          .slice(0, -1)
          .map((cell, at) => `${cell}${' '.repeat((widths[at] ?? 0) - visibleLength(cell) + 2)}`)
          .join('');
        const start = ' '.repeat(indent) + head;
        const offset = visibleLength(start);
        const lines = wrap(row[row.length - 1] ?? '', Math.max(20, width - offset));
        write(`${start}${lines[0] ?? ''}`.trimEnd());
        for (const line of lines.slice(1)) write(`${' '.repeat(offset)}${line}`);
      }
    },
    json: (value) => write(JSON.stringify(value, undefined, 2)),
  };
}

/** Breaks a text between words. Line breaks stay, and a word that is too long has a line of its own. */
function wrap(text: string, width: number, widthOfRest = width): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      const limit = lines.length === 0 ? width : widthOfRest;
      if (line !== '' && visibleLength(line) + 1 + visibleLength(word) > limit) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}

/** What another program or a stranger wrote, with its control characters made visible: they could change the terminal. */
export function visible(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function visibleLength(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
