import { Agent, request } from 'node:http';

/** One request. The sender decides how often it is sent. */
export interface Outgoing {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What came back: `undefined` if the server closed the connection before its response could be read. */
export type Status = number | undefined;

/** Sends to one port, over connections that are kept open. */
export class Traffic {
  readonly #port: number;
  readonly #agent: Agent;

  constructor(port: number, connections: number) {
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  send({ path, headers, body }: Outgoing): Promise<Status> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          agent: this.#agent,
          port: this.#port,
          host: '127.0.0.1',
          method: 'POST',
          path,
          headers: { ...headers, 'content-length': body.byteLength },
        },
        (response) => {
          response.resume();
          response.once('close', () => resolve(response.statusCode));
        },
      );
      // A server that refuses a large body closes the connection while we are still sending.
      outgoing.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EPIPE' || error.code === 'ECONNRESET') resolve(undefined);
        else reject(error);
      });
      outgoing.end(body);
    });
  }

  /** Sends this number of requests, each when a connection is free, and returns the milliseconds that each took. */
  async sendAll(
    count: number,
    next: (index: number) => Outgoing,
    check: (status: Status) => void,
  ): Promise<number[]> {
    let sent = 0;
    const times: number[] = [];
    const worker = async () => {
      while (sent < count) {
        const outgoing = next(sent++);
        const start = performance.now();
        check(await this.send(outgoing));
        times.push(performance.now() - start);
      }
    };
    await Promise.all(Array.from({ length: this.#agent.maxSockets }, worker));
    return times;
  }

  /** Sends at a steady pace, whatever comes back; returns the milliseconds from when each was due to its response. */
  async pace(
    { perSecond, forMs }: { perSecond: number; forMs: number },
    next: (index: number) => Outgoing,
    check: (status: Status) => void,
  ): Promise<number[]> {
    const start = performance.now();
    const total = Math.round((perSecond * forMs) / 1000);
    const times: number[] = [];
    const underway: Promise<void>[] = [];
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const due = Math.min(total, Math.floor(((performance.now() - start) * perSecond) / 1000) + 1);
        while (underway.length < due) {
          const dueAt = start + (underway.length * 1000) / perSecond;
          const sending = this.send(next(underway.length)).then((status) => {
            times.push(performance.now() - dueAt);
            check(status);
          });
          underway.push(sending);
        }
        if (underway.length < total) return;
        clearInterval(timer);
        resolve();
      }, 1);
    });
    await Promise.all(underway);
    return times;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** @throws Error for anything but a refusal. A server that closed the connection has refused too. */
export function mustRefuse(status: Status): void {
  if (status !== undefined && (status < 400 || status >= 500))
    throw new Error(`A forged request got ${status}.`);
}

/** @throws Error for anything but a success. */
export function mustTake(status: Status): void {
  if (status === undefined || status < 200 || status >= 300)
    throw new Error(`A genuine request got ${status ?? 'by a closed connection'}.`);
}
