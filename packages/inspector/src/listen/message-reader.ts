/** How the body of a message ends. `opaque`: what follows is no HTTP, for example after an upgrade. */
export type Framing = 'none' | 'chunked' | 'until-close' | 'opaque' | { readonly length: number };

/** The first lines of a message. */
export interface MessageHead {
  /** `POST /hooks HTTP/1.1` or `HTTP/1.1 200 OK`. */
  readonly startLine: string;
  /** Name, value, name, value, … without the white space around values. */
  readonly rawHeaders: readonly string[];
}

/**
 * A piece of what arrived. All `raw` bytes in their order are exactly what arrived. `data` is the body without its transfer encoding.
 */
export type Piece =
  | { readonly type: 'head'; readonly raw: Buffer; readonly head: MessageHead }
  | { readonly type: 'body'; readonly raw: Buffer; readonly data: Buffer }
  | { readonly type: 'end' }
  | { readonly type: 'opaque'; readonly raw: Buffer };

const MAX_HEAD_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

type State =
  | 'head'
  | 'length'
  | 'chunk-size'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailers'
  | 'until-close'
  | 'opaque';

/**
 * Finds the messages in the bytes of one direction of a connection, without changing a byte. It only reads along: bytes that it does not
 * understand are passed on as `opaque`, as is everything after them.
 */
export class MessageReader {
  readonly #framingOf: (head: MessageHead) => Framing;
  readonly #emit: (piece: Piece) => void;
  #state: State = 'head';
  #held: Buffer = NOTHING;
  #left = 0;

  /**
   * @param framingOf Says how the message with this head ends. Called after `emit` has got everything before it.
   * @param emit Gets the pieces, one after another.
   */
  constructor(framingOf: (head: MessageHead) => Framing, emit: (piece: Piece) => void) {
    this.#framingOf = framingOf;
    this.#emit = emit;
  }

  push(bytes: Buffer): void {
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = NOTHING;
    while (rest.length > 0) {
      const before = rest.length;
      const state = this.#state;
      rest = this.#step(rest);
      // Nothing was taken: more bytes are needed.
      if (rest.length === before && this.#state === state) {
        this.#held = rest;
        break;
      }
    }
  }

  /** The bytes have ended. */
  finish(): void {
    const held = this.#held;
    this.#held = NOTHING;
    if (this.#state === 'until-close') {
      this.#state = 'head';
      this.#emit({ type: 'end' });
    } else if (held.length > 0) this.#emit({ type: 'opaque', raw: held });
  }

  /** Takes what one state can take, and returns the rest. */
  #step(bytes: Buffer): Buffer {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes);
      case 'length':
      case 'chunk-data':
        return this.#readData(bytes);
      case 'chunk-size':
        return this.#readLine(bytes, (line) => this.#onChunkSize(line));
      case 'chunk-end':
        return this.#readLine(bytes, (line) => this.#to(line === '' ? 'chunk-size' : 'opaque'));
      case 'trailers':
        return this.#readLine(bytes, (line) => this.#to(line === '' ? 'head' : 'trailers'));
      case 'until-close':
        this.#emit({ type: 'body', raw: bytes, data: bytes });
        return NOTHING;
      case 'opaque':
        this.#emit({ type: 'opaque', raw: bytes });
        return NOTHING;
    }
  }

  #to(state: State): void {
    this.#state = state;
  }

  #readHead(bytes: Buffer): Buffer {
    const end = endOfHead(bytes);
    if (end === -1) {
      if (bytes.length > MAX_HEAD_BYTES || !looksLikeHttp(bytes)) this.#to('opaque');
      return bytes;
    }
    const head = parseHead(bytes.subarray(0, end).toString('latin1'));
    if (head === undefined) {
      this.#to('opaque');
      return bytes;
    }
    this.#emit({ type: 'head', raw: bytes.subarray(0, end), head });
    this.#begin(this.#framingOf(head));
    return bytes.subarray(end);
  }

  #begin(framing: Framing): void {
    if (framing === 'none' || (typeof framing === 'object' && framing.length === 0)) {
      this.#emit({ type: 'end' });
    } else if (typeof framing === 'object') {
      this.#left = framing.length;
      this.#to('length');
    } else this.#to(framing === 'chunked' ? 'chunk-size' : framing);
  }

  #readData(bytes: Buffer): Buffer {
    const data = bytes.subarray(0, this.#left);
    this.#emit({ type: 'body', raw: data, data });
    this.#left -= data.length;
    if (this.#left === 0) {
      if (this.#state === 'length') {
        this.#emit({ type: 'end' });
        this.#to('head');
      } else this.#to('chunk-end');
    }
    return bytes.subarray(data.length);
  }

  /** Reads a line of the transfer encoding, which belongs to no body. */
  #readLine(bytes: Buffer, onLine: (line: string) => void): Buffer {
    const at = bytes.indexOf(10);
    if (at === -1) {
      if (bytes.length > MAX_LINE_BYTES) this.#to('opaque');
      return bytes;
    }
    const wasInTrailers = this.#state === 'trailers';
    onLine(bytes.subarray(0, at).toString('latin1').replace(/\r$/, ''));
    const raw = bytes.subarray(0, at + 1);
    this.#emit(this.#state === 'opaque' ? { type: 'opaque', raw } : { type: 'body', raw, data: NOTHING });
    if (wasInTrailers && this.#state === 'head') this.#emit({ type: 'end' });
    return bytes.subarray(at + 1);
  }

  #onChunkSize(line: string): void {
    const digits = /^[0-9a-f]{1,12}(?=[ \t]*(?:;|$))/i.exec(line)?.[0];
    if (digits === undefined) {
      this.#to('opaque');
      return;
    }
    this.#left = Number.parseInt(digits, 16);
    this.#to(this.#left === 0 ? 'trailers' : 'chunk-data');
  }
}

/** The position behind the empty line, or -1. Empty lines before a message are part of its head. */
function endOfHead(bytes: Buffer): number {
  let start = 0;
  while (start < bytes.length && (bytes[start] === 13 || bytes[start] === 10)) start += 1;
  for (let at = bytes.indexOf(10, start); at !== -1; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at + 1] === 10) return at + 2;
    if (bytes[at + 1] === 13 && bytes[at + 2] === 10) return at + 3;
  }
  return -1;
}

/** Whether the bytes can be the beginning of a start line. */
function looksLikeHttp(bytes: Buffer): boolean {
  return /^[\r\n]*[!#$%&'*+.^_`|~0-9A-Za-z-]*(?:$|[ /])/.test(bytes.subarray(0, 64).toString('latin1'));
}

function parseHead(text: string): MessageHead | undefined {
  const [startLine = '', ...lines] = text.replace(/^[\r\n]+/, '').split(/\r?\n/);
  if (!/^(?:\S+ \S+ HTTP\/1\.[01]|HTTP\/1\.[01] \d{3}(?: .*)?)$/.test(startLine)) return undefined;
  const rawHeaders: string[] = [];
  for (const line of lines) {
    if (line === '') continue;
    // An old way to continue the value of the line before.
    if (/^[ \t]/.test(line) && rawHeaders.length > 0) {
      rawHeaders.push(`${rawHeaders.pop()} ${line.trim()}`.trim());
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0) return undefined;
    rawHeaders.push(line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''));
  }
  return { startLine, rawHeaders };
}
