import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { vi } from 'vitest';

/** One end of a connection, with all bytes that it got. */
export class RawSocket {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  isEnded = false;
  isClosed = false;
  error: NodeJS.ErrnoException | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.#chunks.push(chunk));
    socket.on('end', () => {
      this.isEnded = true;
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('error', (error) => {
      this.error = error;
    });
  }

  /** All bytes so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
  get text(): string {
    return this.bytes.toString('latin1');
  }
  write(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }
  async until(text: string): Promise<void> {
    await vi.waitUntil(() => this.text.includes(text), { interval: 5 });
  }
  async untilBytes(count: number): Promise<void> {
    await vi.waitUntil(() => this.bytes.length >= count, { interval: 5 });
  }
  async untilEnded(): Promise<void> {
    await vi.waitUntil(() => this.isEnded || this.isClosed, { interval: 5 });
  }
  async untilClosed(): Promise<void> {
    await vi.waitUntil(() => this.isClosed, { interval: 5 });
  }
}

/** A TCP server whose connections a test reads and writes by itself. */
export class RawServer {
  readonly connections: RawSocket[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.connections.push(new RawSocket(socket)));
  }

  static async start(): Promise<RawServer> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new RawServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  async connection(at = 0): Promise<RawSocket> {
    await vi.waitUntil(() => this.connections.length > at, { interval: 5 });
    return this.connections[at] as RawSocket;
  }
  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

export function dial(url: string): RawSocket {
  const { port } = new URL(url);
  return new RawSocket(connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true }));
}
