import { createHash } from 'node:crypto';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

const MAX_BODY_BYTES = 1024 * 1024;
/** Headers that speak of one connection and not of the message. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding']);
/** The longest time after which a client that hangs up does so, in milliseconds. */
const HANG_UP_WITHIN_MS = 15;

/**
 * Which of `count` processes a delivery goes to: decided by its body alone, so that every attempt of it and every replay of it
 * meet the process that remembers it.
 */
export function pinByBody(body: Uint8Array, count: number): number {
  return createHash('sha256').update(body).digest().readUInt32BE(0) % count;
}

/** A small HTTP balancer in front of the receiver processes. It hands on headers and bytes as they came. */
export class Balancer {
  readonly #agent = new Agent({ keepAlive: true, timeout: 60_000 });
  readonly #server = createServer((incoming, response) => {
    this.#forward(incoming, response).catch(() => response.destroy());
  });
  /** Ports of the receivers on the loopback interface. Until there are any, requests get 503. */
  targets: readonly number[] = [];
  /** Whether a delivery, its retries and its replays meet one process. Otherwise each request goes to the next process. */
  pins = true;
  /** Of so many clients, one hangs up before it has its response. 0: none. */
  hangUpEvery = 0;
  #turn = 0;
  #requests = 0;
  #hungUp = 0;

  /** How many clients have hung up. */
  get hungUp(): number {
    return this.#hungUp;
  }

  /** Returns the URL, without a trailing slash. */
  listen(): Promise<string> {
    // Longer than the senders keep a connection, so that they never send into one that is being closed.
    this.#server.keepAliveTimeout = 120_000;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        if (address === null || typeof address === 'string') reject(new Error('The balancer has no port.'));
        else resolve(`http://127.0.0.1:${address.port}`);
      });
    });
  }

  close(): Promise<void> {
    this.#agent.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #forward(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(incoming);
    const count = this.targets.length;
    const port = this.targets[this.pins ? pinByBody(body, count) : this.#turn++ % count];
    if (port === undefined) return end(response, 503);
    const call = request({
      host: '127.0.0.1',
      port,
      method: incoming.method,
      path: incoming.url,
      agent: this.#agent,
      headers: endToEnd(incoming.rawHeaders),
    });
    const hangUp = this.#hangUp(() => {
      call.destroy();
      incoming.destroy();
    });
    // The process died: what the sender sees is a connection that breaks off.
    call.on('error', () => {
      clearTimeout(hangUp);
      response.destroy();
    });
    call.once('response', (answer) => {
      answer.once('error', () => response.destroy());
      readAll(answer).then(
        (bytes) => {
          clearTimeout(hangUp);
          response.writeHead(answer.statusCode ?? 502, endToEnd(answer.rawHeaders));
          response.end(bytes);
        },
        () => response.destroy(),
      );
    });
    call.end(body);
  }

  #hangUp(leave: () => void): NodeJS.Timeout | undefined {
    if (this.hangUpEvery === 0 || ++this.#requests % this.hangUpEvery !== 0) return undefined;
    return setTimeout(() => {
      this.#hungUp++;
      leave();
    }, Math.random() * HANG_UP_WITHIN_MS);
  }
}

function end(response: ServerResponse, status: number): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status).end();
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new Error('The message is too large for this balancer.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Raw pairs without the hop-by-hop fields: repeats and their order stay as they came. */
function endToEnd(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (!HOP_BY_HOP.has(name.toLowerCase())) kept.push(name, rawHeaders[index + 1] ?? '');
  }
  return kept;
}
