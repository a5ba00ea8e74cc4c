import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientPlan } from '../plan.ts';

export interface ClientRequest {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A status, or why there was none. `left`: the client went by itself. */
export type AttemptResult = number | 'left' | 'timeout' | 'transport-error';

const PIECES = 8;

/** One request on a connection of its own, by a client that may leave at any moment. */
export class Exchange {
  /** Never rejects. */
  readonly result: Promise<AttemptResult>;
  readonly #socket: Socket;
  readonly #plan: ClientPlan;
  readonly #closed: Promise<void>;
  #hasLeft = false;
  #timedOut = false;

  constructor(request: ClientRequest, plan: ClientPlan, timeoutMs: number) {
    const socket = connect(request.port, '127.0.0.1');
    this.#socket = socket;
    this.#plan = plan;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    const timer = setTimeout(() => {
      this.#timedOut = true;
      socket.destroy();
    }, timeoutMs);
    this.result = new Promise((resolve) => {
      let head = '';
      let status: number | undefined;
      socket.on('data', (bytes: Buffer) => {
        if (this.#leavesAt('in the response')) return void this.leave();
        if (status !== undefined) return;
        head += bytes.toString('latin1');
        const digits = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
        if (digits === undefined) return;
        // The status alone decides; the rest is read and dropped.
        status = Number(digits);
        resolve(status);
      });
      void this.#closed.then(() => {
        clearTimeout(timer);
        resolve(this.#hasLeft ? 'left' : this.#timedOut ? 'timeout' : 'transport-error');
      });
    });
    socket.once('connect', () => void this.#send(request));
  }

  /** Resolves when the connection is gone. */
  async leave(): Promise<void> {
    this.#hasLeft = true;
    if (this.#plan.does === 'leave' && this.#plan.how === 'end') this.#socket.destroy();
    else this.#socket.resetAndDestroy();
    await this.#closed;
  }

  async #send({ path, headers, body }: ClientRequest): Promise<void> {
    const head = headOf(path, headers, body.length);
    if (this.#leavesAt('in the head')) {
      await this.#write(head.slice(0, head.length / 2));
      return this.leave();
    }
    await this.#write(head);
    if (this.#leavesAt('before the body')) return this.leave();
    if (this.#leavesAt('in the body')) {
      await this.#write(body.subarray(0, body.length / 2));
      return this.leave();
    }
    if (this.#plan.does === 'send slowly') await this.#writeSlowly(body, this.#plan.overMs);
    else await this.#write(body);
    if (this.#leavesAt('after the request')) return this.leave();
  }

  async #writeSlowly(body: Buffer, overMs: number): Promise<void> {
    const size = Math.ceil(body.length / PIECES);
    for (let from = 0; from < body.length; from += size) {
      await sleep(overMs / PIECES);
      await this.#write(body.subarray(from, from + size));
    }
  }

  #leavesAt(moment: string): boolean {
    return this.#plan.does === 'leave' && this.#plan.moment === moment;
  }

  #write(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.writable) this.#socket.write(bytes, () => resolve());
      else resolve();
    });
  }
}

function headOf(path: string, headers: ClientRequest['headers'], length: number): string {
  const all = { Host: 'localhost', Connection: 'close', ...headers, 'Content-Length': String(length) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
