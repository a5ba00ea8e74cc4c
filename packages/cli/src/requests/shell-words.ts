import { UnreadableCapture } from './captured.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', e: '\x1b', f: '\f', v: '\v' },
  ...{ '\\': '\\', "'": "'", '"': '"', '?': '?' },
};

/** Splits a command as a POSIX shell does: quotation marks, backslashes and `$'…'`. Nothing is expanded or run. */
export function shellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  const fail = (start: number, expected: string): never => {
    throw new UnreadableCapture('curl command', text.slice(0, start).split('\n').length, expected);
  };
  while (at < text.length) {
    const character = text[at] as string;
    const start = at;
    if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at += 1;
    } else if (text.startsWith("$'", at)) {
      const { value, end } = ansiQuoted(text, at + 2, () =>
        fail(start, "the $' that begins here must end with '."),
      );
      word = (word ?? '') + value;
      at = end;
    } else if (character === "'") {
      const end = text.indexOf("'", at + 1);
      if (end === -1) fail(start, "the ' that begins here must end with '.");
      word = (word ?? '') + text.slice(at + 1, end);
      at = end + 1;
    } else if (character === '"') {
      const { value, end } = doubleQuoted(text, at + 1, () =>
        fail(start, 'the " that begins here must end with ".'),
      );
      word = (word ?? '') + value;
      at = end;
    } else if (character === '\\') {
      const next = text.startsWith('\r\n', at + 1) ? '\r\n' : (text[at + 1] ?? '');
      if (!next.includes('\n')) word = (word ?? '') + next;
      at += 1 + next.length;
    } else if (/[|;&<>]/.test(character)) {
      // Another command begins.
      break;
    } else {
      word = (word ?? '') + character;
      at += 1;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function doubleQuoted(text: string, from: number, fail: () => never): { value: string; end: number } {
  let value = '';
  for (let at = from; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '"') return { value, end: at + 1 };
    const next = text[at + 1] ?? '';
    if (character !== '\\' || !/["\\$`\n]/.test(next)) value += character;
    else {
      if (next !== '\n') value += next;
      at += 1;
    }
  }
  return fail();
}

function ansiQuoted(text: string, from: number, fail: () => never): { value: string; end: number } {
  let value = '';
  for (let at = from; at < text.length; at++) {
    const character = text[at] as string;
    if (character === "'") return { value, end: at + 1 };
    if (character !== '\\') {
      value += character;
      continue;
    }
    const [all = '', hex, unicode, octal] =
      /^(?:x([0-9a-f]{1,2})|[uU]([0-9a-f]{4,8})|([0-7]{1,3}))/i.exec(text.slice(at + 1, at + 10)) ?? [];
    const code = hex ?? unicode;
    if (code !== undefined || octal !== undefined) {
      value += String.fromCodePoint(
        code === undefined ? Number.parseInt(octal ?? '', 8) : Number.parseInt(code, 16),
      );
      at += all.length;
    } else {
      const next = text[at + 1] ?? '';
      value += ESCAPES[next] ?? `\\${next}`;
      at += 1;
    }
  }
  return fail();
}
