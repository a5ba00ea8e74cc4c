import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../consumers/packages.ts';

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  /** What its first line names as its file: `// src/main.ts`. */
  readonly file: string | undefined;
  readonly code: string;
}

/** The fenced blocks of a page, in order. */
export function fencedBlocks(page: string): Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    file: /^(?:\/\/|#) ([\w./-]+\.\w+)\n/.exec(code)?.[1],
    code,
  }));
}

/** Commands that a page gives, each with the text that it shows below as what they print. */
export interface Step {
  readonly commands: readonly string[];
  /** The texts below, up to the next commands. */
  readonly shown: readonly string[];
}

/** The commands of a page, in order. */
export function stepsOf(page: string): Step[] {
  const steps: { commands: string[]; shown: string[] }[] = [];
  for (const { language, code } of fencedBlocks(page)) {
    if (language === 'sh') steps.push({ commands: commandsIn(code), shown: [] });
    if (language === 'text') steps.at(-1)?.shown.push(code);
  }
  return steps;
}

/** The commands of a block; a line that ends with a backslash goes on in the next one. */
function commandsIn(code: string): string[] {
  return code
    .trim()
    .replace(/ \\\n\s*/g, ' ')
    .split('\n');
}

/** What a page shows of an output, as a pattern: ids and times differ, lines may end elsewhere, and `…` is anything. */
export function patternOf(shown: string): RegExp {
  const source = shown
    .trim()
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, '[\\da-f-]{36}')
    .replace(/\b\d+ ms\b/g, '\\d+ ms')
    // A logger may write something before each line.
    .replace(/\n/g, '\\s[^\\n]*?')
    .replace(/ +/g, '\\s+')
    .replace(/…/g, '[\\s\\S]*?');
  return new RegExp(source);
}
