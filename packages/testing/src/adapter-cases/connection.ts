import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { parseAnswer, type WireAnswer } from './answer-parser.ts';

/** A request, to be written exactly so: headers may repeat, and are sent as latin1. */
export interface WireRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** How the body's end is told. Default: by its Content-Length. `none`: not at all, for a request without a body. */
  readonly framing?: 'length' | 'chunked' | 'none';
  /** Where the body is chunked, how long each chunk is. */
  readonly chunkBytes?: number;
}

/** One client connection, in full control of what is written and when. */
export class Connection {
  readonly #socket: Socket;
  readonly #patienceMs: number;
  #received = Buffer.alloc(0);
  #ended = false;
  #method = 'POST';
  #wake: () => void = () => undefined;

  private constructor(socket: Socket, patienceMs: number) {
    this.#socket = socket;
    this.#patienceMs = patienceMs;
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const ended = () => {
      this.#ended = true;
      this.#wake();
    };
    // A server that resets the connection ends it, too; what it said before counts.
    socket.on('end', ended).on('close', ended).on('error', ended);
  }

  static async open(port: number, patienceMs: number): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new Connection(socket, patienceMs);
  }

  /** Writes a whole request and reads the answer to it. */
  async exchange(request: WireRequest): Promise<WireAnswer> {
    this.write(request);
    return this.read();
  }

  write(request: WireRequest): void {
    this.writeHead(request);
    this.writeBytes(framedBody(request));
  }

  writeHead(request: WireRequest): void {
    this.#method = request.method ?? 'POST';
    this.writeBytes(Buffer.from(headOf(request), 'latin1'));
  }

  writeBytes(bytes: Uint8Array): void {
    if (bytes.byteLength > 0) this.#socket.write(bytes);
  }

  /** Writes a whole request piece by piece and reads nothing meanwhile, as many clients do; then reads the answer. */
  async exchangeBlindly(request: WireRequest, pieceBytes: number): Promise<WireAnswer> {
    this.#socket.pause();
    this.writeHead(request);
    const bytes = framedBody(request);
    for (let start = 0; start < bytes.byteLength && !this.#ended; start += pieceBytes) {
      const piece = bytes.subarray(start, start + pieceBytes);
      await new Promise((resolve) => this.#socket.write(piece, resolve));
    }
    this.#socket.resume();
    return this.read();
  }

  /** The next final answer. A 1xx before it is dropped. */
  async read(): Promise<WireAnswer> {
    for (;;) {
      const answer = await this.readAny();
      if (answer.status >= 200) return answer;
    }
  }

  /** The next answer, whatever its status. */
  async readAny(): Promise<WireAnswer> {
    return this.#waitFor('an answer', () => {
      const parsed = parseAnswer(this.#received, { method: this.#method, ended: this.#ended });
      if (parsed === undefined) {
        assert.ok(!this.#ended, 'the server closed the connection without a whole answer');
        return undefined;
      }
      this.#received = this.#received.subarray(parsed.length);
      return parsed.answer;
    });
  }

  /** Resolves when the first bytes of a response have arrived, and leaves them to be read. */
  async firstBytes(): Promise<void> {
    await this.#waitFor('the first bytes of a response', () => this.#received.byteLength > 0 || undefined);
  }

  /** Resolves when the server has closed its side, whatever was received. */
  async ended(): Promise<void> {
    await this.#waitFor('the server to close the connection', () => this.#ended || undefined);
  }

  /** Ends the client's side only: a sender that stops in the middle of its request. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Breaks the connection off. */
  abort(): void {
    this.#socket.resetAndDestroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  async #waitFor<T>(what: string, attempt: () => T | undefined): Promise<T> {
    const deadline = setTimeout(() => {
      late = true;
      this.#wake();
    }, this.#patienceMs);
    let late = false;
    try {
      for (;;) {
        const result = attempt();
        if (result !== undefined) return result;
        assert.ok(!late, `waited ${this.#patienceMs} ms for ${what}`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(deadline);
    }
  }
}

/** The body as it goes over the wire. */
function framedBody({ body, framing = 'length', chunkBytes = 7 }: WireRequest): Uint8Array {
  if (framing !== 'chunked') return body;
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < body.byteLength; start += chunkBytes) {
    const chunk = body.subarray(start, start + chunkBytes);
    pieces.push(Buffer.from(`${chunk.byteLength.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

function headOf({
  method = 'POST',
  path = '/hooks/case',
  headers,
  body,
  framing = 'length',
}: WireRequest): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1'];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (framing === 'length') lines.push(`Content-Length: ${body.byteLength}`);
  if (framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  return `${lines.join('\r\n')}\r\n\r\n`;
}
