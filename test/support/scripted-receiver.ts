import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '@countersign/core';

/** How the receiver responds one request: a status, no response at all, or a cut connection. */
export type Step = number | 'hang' | 'cut' | { status: number; headers: Record<string, string> };

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An endpoint that responds by a script and keeps what it got. The last step of the script goes on for ever. */
export class ScriptedReceiver {
  readonly received: Received[] = [];
  /** The far port of every request: equal if a connection was used again. */
  readonly ports: (number | undefined)[] = [];
  readonly #server: Server;
  #script: readonly Step[];
  #url = '';

  private constructor(script: readonly Step[]) {
    this.#script = script;
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.ports.push(request.socket.remotePort);
        this.received.push({ headers: request.headers, body: Buffer.concat(chunks) });
        this.#answer(response);
      });
    });
  }

  static async start(...script: Step[]): Promise<ScriptedReceiver> {
    const receiver = new ScriptedReceiver(script);
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    const address = receiver.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    receiver.#url = `http://127.0.0.1:${address.port}/hooks`;
    return receiver;
  }

  get url(): string {
    return this.#url;
  }

  get last(): Received {
    const last = this.received.at(-1);
    if (last === undefined) throw new Error('nothing was received');
    return last;
  }

  script(...steps: Step[]): void {
    this.#script = steps;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #answer(response: ServerResponse): void {
    const [step = 200, ...rest] = this.#script;
    if (rest.length > 0) this.#script = rest;
    if (step === 'hang') return;
    if (step === 'cut') {
      response.destroy();
      return;
    }
    const { status, headers } = typeof step === 'number' ? { status: step, headers: {} } : step;
    response.writeHead(status, headers).end('{"ok":true}');
  }
}

/** A clock that moves only when the test moves it, and shows the pending waits, by which a schedule is checked. */
export class StoppedClock implements Clock {
  #now: number;
  #tasks: { readonly task: () => void; readonly at: number }[] = [];

  constructor(now = Date.UTC(2026, 10, 20, 12)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  schedule(task: () => void, delayMs: number): () => void {
    const entry = { task, at: this.#now + delayMs };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  }

  /** The waits under way, in milliseconds from now. */
  waits(): number[] {
    return this.#tasks.map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#tasks.filter(({ at }) => at <= this.#now);
    this.#tasks = this.#tasks.filter(({ at }) => at > this.#now);
    for (const { task } of due) task();
  }
}
