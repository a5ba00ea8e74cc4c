import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { parseResponse, type WireResponse } from './response-parser.ts';

/** A request that is written exactly like this: headers may repeat, and are sent as latin1. */
export interface WireRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** How the body's end is marked. Default: by its Content-Length. `none`: not at all, for a request without a body. */
  readonly framing?: 'length' | 'chunked' | 'none';
  /** The length of each chunk, if the body is chunked. */
  readonly chunkBytes?: number;
}

/** One client connection, with full control over what is written and when. */
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
    // A reset by the server also ends the connection; what it sent before counts.
    socket.on('end', ended).on('close', ended).on('error', ended);
  }

  static async open(port: number, patienceMs: number): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new Connection(socket, patienceMs);
  }

  /** Writes a whole request and reads the response. */
  async exchange(request: WireRequest): Promise<WireResponse> {
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

  /** Writes a whole request piece by piece without reading, as many clients do; then reads the response. */
  async exchangeBlindly(request: WireRequest, pieceBytes: number): Promise<WireResponse> {
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

  /** The next final response. A 1xx before it is dropped. */
  async read(): Promise<WireResponse> {
    for (;;) {
      const response = await this.readAny();
      if (response.status >= 200) return response;
    }
  }

  /** The next response, with any status. */
  async readAny(): Promise<WireResponse> {
    return this.#waitFor('a response', () => {
      const parsed = parseResponse(this.#received, { method: this.#method, ended: this.#ended });
      if (parsed === undefined) {
        assert.ok(!this.#ended, 'the server closed the connection without a complete response');
        return undefined;
      }
      this.#received = this.#received.subarray(parsed.length);
      return parsed.response;
    });
  }

  /** Resolves when the first bytes of a response have arrived, and leaves them to be read. */
  async firstBytes(): Promise<void> {
    await this.#waitFor('the first bytes of a response', () => this.#received.byteLength > 0 || undefined);
  }

  /** Resolves when the server has closed its side, no matter what was received. */
  async ended(): Promise<void> {
    await this.#waitFor('the server to close the connection', () => this.#ended || undefined);
  }

  /** Ends only the client's side, like a sender that stops in the middle of its request. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Breaks the connection. */
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

/** The body as it is sent. */
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
