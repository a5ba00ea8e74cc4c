import { readFileSync } from 'node:fs';
import { type CapturedRequest, UnreadableCapture } from './captured.ts';
import { shellWords } from './shell-words.ts';

/** Short options of curl that have a value. */
const SHORT_WITH_VALUE = 'AbcCdDeEFhHKmoPQrtTuUwxXyYzZ';
/** Long options of curl without a value that "Copy as cURL" and people use. Any other is taken to have one, unless an option follows. */
const LONG_WITHOUT_VALUE = new Set(
  'append compressed fail fail-with-body get globoff head http1.0 http1.1 http2 http2-prior-knowledge include insecure ipv4 ipv6 location no-buffer no-progress-meter path-as-is raw remote-name show-error silent tcp-nodelay verbose'.split(
    ' ',
  ),
);

/** Reads a curl command, such as "Copy as cURL" of a browser writes it. Nothing is run. */
export function readCurl(text: string): CapturedRequest {
  const words = shellWords(text);
  const start = words.findIndex((word) => /(?:^|[\\/])curl(?:\.exe)?$/.test(word));
  if (start === -1) throw new UnreadableCapture('curl command', 1, 'the word "curl" is expected.');
  const found = new CurlOptions();
  for (let at = start + 1; at < words.length; at++) {
    const word = words[at] as string;
    const [name, inline] = nameOf(word);
    if (name === undefined) {
      found.url ??= word;
      continue;
    }
    const value = inline ?? (hasValue(name) ? words[++at] : undefined);
    found.take(name, value);
  }
  return found.request();
}

/** The name of an option, and its value if it is part of the same word. */
function nameOf(word: string): [name?: string, value?: string | undefined] {
  if (/^--\w/.test(word)) return [word.slice(2)];
  if (!/^-\w/.test(word)) return [];
  for (let at = 1; at < word.length; at++) {
    if (!SHORT_WITH_VALUE.includes(word[at] as string)) continue;
    const rest = word.slice(at + 1);
    return [word[at] as string, rest === '' ? undefined : rest];
  }
  return ['flags'];
}

function hasValue(name: string): boolean {
  return name !== 'flags' && !LONG_WITHOUT_VALUE.has(name) && !name.startsWith('no-');
}

class CurlOptions {
  url: string | undefined;
  #method: string | undefined;
  readonly #headers: string[] = [];
  readonly #data: Buffer[] = [];

  take(name: string, value: string | undefined): void {
    switch (name) {
      case 'X':
      case 'request':
        this.#method = value;
        break;
      case 'url':
        this.url = value;
        break;
      case 'H':
      case 'header':
        this.#takeHeader(value ?? '');
        break;
      case 'u':
      case 'user':
        this.#headers.push('authorization', `Basic ${Buffer.from(value ?? '').toString('base64')}`);
        break;
      case 'A':
      case 'user-agent':
        this.#headers.push('user-agent', value ?? '');
        break;
      case 'd':
      case 'data':
      case 'data-ascii':
        this.#data.push(value?.startsWith('@') ? lineBreaksRemoved(fileOf(value)) : Buffer.from(value ?? ''));
        break;
      case 'data-binary':
      case 'json':
        this.#data.push(value?.startsWith('@') ? fileOf(value) : Buffer.from(value ?? ''));
        if (name === 'json') this.#headers.push('content-type', 'application/json');
        break;
      case 'data-raw':
        this.#data.push(Buffer.from(value ?? ''));
        break;
      case 'F':
      case 'form':
      case 'data-urlencode':
        throw new UnreadableCapture(
          'curl command',
          undefined,
          `--${name} builds another body each time. Pass the body with --data-raw.`,
        );
    }
  }

  request(): CapturedRequest {
    if (this.url === undefined) throw new UnreadableCapture('curl command', undefined, 'a URL is expected.');
    const url = /^https?:/i.test(this.url) ? this.url : `http://${this.url}`;
    if (!URL.canParse(url)) throw new UnreadableCapture('curl command', undefined, 'its URL is not valid.');
    const hasType = this.#headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-type');
    const type =
      this.#data.length > 0 && !hasType ? ['content-type', 'application/x-www-form-urlencoded'] : [];
    return {
      method: this.#method ?? (this.#data.length > 0 ? 'POST' : 'GET'),
      url,
      headers: ['host', new URL(url).host, ...this.#headers, ...type],
      body: Buffer.concat(this.#data.flatMap((part, at) => (at === 0 ? [part] : [Buffer.from('&'), part]))),
    };
  }

  #takeHeader(text: string): void {
    const at = text.indexOf(':');
    if (at > 0) this.#headers.push(text.slice(0, at).trim(), text.slice(at + 1).trim());
    // "name;" is how curl sends an empty header.
    else if (text.endsWith(';')) this.#headers.push(text.slice(0, -1), '');
    else throw new UnreadableCapture('curl command', undefined, 'each -H must be followed by "name: value".');
  }
}

function fileOf(value: string): Buffer {
  try {
    return readFileSync(value.slice(1));
  } catch {
    throw new UnreadableCapture(
      'curl command',
      undefined,
      `its body is in the file "${value.slice(1)}", which can't be read from this folder.`,
    );
  }
}

/** curl's --data removes the line breaks of a file. */
function lineBreaksRemoved(bytes: Buffer): Buffer {
  return Buffer.from(bytes.filter((byte) => byte !== 0x0a && byte !== 0x0d));
}
