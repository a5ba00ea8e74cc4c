import type { Socket } from 'node:net';
import type { ReceivedHead } from '../delivery.ts';
import type { Exchange } from './exchange.ts';
import { isInformational, requestFraming, responseFraming, statusOf } from './framing.ts';
import { type MessageHead, MessageReader, type Piece } from './message-reader.ts';
import { NO_HTTP, whyOutside } from './path-guard.ts';
import { connectTo, type Target, whyDown, withPath } from './target.ts';

/** How long a client may take to read our own response, in milliseconds. */
const LINGER_MS = 5000;

/** What a relay is connected with. */
export interface RelayOptions {
  readonly target: Target;
  /** A request has begun. */
  begin(head: ReceivedHead): Exchange;
  /** Says something that the person at the terminal must know. */
  warn(sentence: string): void;
}

/**
 * Passes the bytes of one connection on to a connection of its own to the target, and back, unchanged: what it reads along changes
 * nothing. So order, case and repetition of headers, chunks, trailers, informational responses and the moment of each byte stay.
 */
export class Relay {
  readonly #client: Socket;
  readonly #options: RelayOptions;
  readonly #requests = new MessageReader(requestFraming, (piece) => this.#passOn(piece));
  readonly #responses = new MessageReader(
    (head) => responseFraming(head, this.#waiting[0]?.method),
    (piece) => this.#readAlong(piece),
  );
  /** Without a complete response, the oldest first. */
  readonly #waiting: Exchange[] = [];
  #arriving: Exchange | undefined;
  #target: Socket | undefined;
  #isConnected = false;
  #isInformational = false;
  #isUpgraded = false;
  /** Why a request was not passed on. Nothing after it is. */
  #refusal: string | undefined;
  #isOver = false;

  constructor(client: Socket, options: RelayOptions) {
    this.#client = client;
    this.#options = options;
    client.on('data', (bytes) => this.#fromClient(bytes));
    client.on('end', () => this.#clientEnded());
    client.on('error', () => this.#clientLeft('reset'));
    client.on('close', () => this.#clientLeft('close'));
  }

  /** Ends both connections at once. */
  destroy(): void {
    this.#client.destroy();
    this.#target?.destroy();
  }

  #fromClient(bytes: Buffer): void {
    if (this.#isOver) return;
    // A TLS handshake: the sender was given an https:// URL for this port.
    if (this.#target === undefined && bytes[0] === 0x16) {
      this.#isOver = true;
      this.#options.warn(
        'A sender tried to connect with TLS, but this port is plain HTTP. Give the sender an http:// URL, or let your tunnel end TLS.',
      );
      this.#client.destroy();
      return;
    }
    if (this.#isUpgraded) this.#write(bytes);
    else if (this.#refusal === undefined) this.#requests.push(bytes);
  }

  #passOn(piece: Piece): void {
    if (this.#refusal !== undefined) return;
    const exchange = this.#arriving;
    const refusal = this.#options.target.pathBefore === '' ? undefined : whyRefused(piece);
    if (refusal !== undefined) this.#refuse(refusal, piece);
    else if (piece.type === 'head') {
      const started = this.#options.begin(receivedHead(piece.head));
      this.#arriving = started;
      this.#waiting.push(started);
      this.#write(withPath(piece.raw, this.#options.target));
    } else if (piece.type === 'end') {
      this.#arriving = undefined;
      exchange?.requestEnded();
    } else {
      if (piece.type === 'body') exchange?.requestData(piece.data);
      this.#write(piece.raw);
    }
  }

  /** The requests before it still get their responses, in their order. */
  #refuse(sentence: string, piece: Piece): void {
    this.#refusal = sentence;
    this.#options.warn(sentence);
    const refused = piece.type === 'head' ? this.#options.begin(receivedHead(piece.head)) : this.#arriving;
    const at = refused === undefined ? -1 : this.#waiting.indexOf(refused);
    if (at !== -1) this.#waiting.splice(at, 1);
    refused?.breakOff(sentence, 400);
    if (at !== -1 && refused?.hasResponse === true) {
      // Half of its response was passed on already, so ours would become a part of it.
      this.#isOver = true;
      this.#target?.destroy();
      this.#client.resetAndDestroy();
    } else this.#endRefused();
  }

  #endRefused(): void {
    if (this.#refusal === undefined || this.#waiting.length > 0 || this.#isOver) return;
    this.#isOver = true;
    this.#target?.destroy();
    this.#respond('400 Bad Request', this.#refusal);
  }

  #write(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#target ??= this.#connect();
    if (!this.#target.write(bytes)) this.#client.pause();
  }

  #connect(): Socket {
    const socket = connectTo(this.#options.target);
    const isTls = 'encrypted' in socket;
    socket.on(isTls ? 'secureConnect' : 'connect', () => {
      this.#isConnected = true;
    });
    socket.on('drain', () => this.#client.resume());
    socket.on('data', (bytes) => this.#fromTarget(bytes));
    socket.on('end', () => this.#targetEnded());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#targetFailed(error));
    socket.on('close', () => this.#targetClosed());
    return socket;
  }

  #fromTarget(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#responses.push(bytes);
    if (!this.#client.write(bytes) && this.#target !== undefined) {
      const target = this.#target;
      target.pause();
      this.#client.once('drain', () => target.resume());
    }
    this.#endRefused();
  }

  /** The bytes of responses are passed on as they are, also those that make no message. */
  #readAlong(piece: Piece): void {
    const [exchange] = this.#waiting;
    if (piece.type === 'head') {
      exchange?.responseHead(piece.head);
      this.#isInformational = isInformational(piece.head);
      this.#isUpgraded ||= statusOf(piece.head) === 101;
    } else if (piece.type === 'body') exchange?.responseData(piece.data);
    else if (piece.type === 'end' && !this.#isInformational) {
      this.#waiting.shift();
      exchange?.responseEnded();
    } else if (piece.type === 'opaque' && exchange?.hasResponse === true) {
      // The connection was upgraded.
      this.#waiting.shift();
      exchange.responseEnded();
    }
  }

  #clientEnded(): void {
    this.#requests.finish();
    if (this.#target === undefined) this.#client.end();
    else this.#target.end();
  }

  /** The client has disconnected: the target learns it, as it would without us. */
  #clientLeft(how: 'reset' | 'close'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#breakOff('The sender disconnected before it had the whole response.');
    if (how === 'reset') this.#target?.resetAndDestroy();
    else this.#target?.destroy();
  }

  #targetEnded(): void {
    this.#responses.finish();
    this.#breakOff('The target closed the connection before its response was complete.');
    this.#client.end();
  }

  #targetFailed(error: NodeJS.ErrnoException): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#isConnected) {
      this.#breakOff('The target broke the connection off before its response was complete.');
      // Not an orderly end: that would make a response without a length look complete.
      this.#client.resetAndDestroy();
      return;
    }
    const sentence = whyDown(error, this.#options.target);
    this.#options.warn(sentence);
    const [first, ...others] = this.#waiting.splice(0);
    first?.breakOff(sentence, 502);
    for (const each of others) each.breakOff(sentence);
    this.#respond('502 Bad Gateway', sentence, first?.method);
  }

  /** Our own response, after which the connection ends. */
  #respond(status: string, sentence: string, method?: string): void {
    this.#client.end(ownResponse(status, sentence, method));
    // What the client is still sending is read and dropped: otherwise the system would reset the connection under our response.
    this.#client.resume();
    const timer = setTimeout(() => this.#client.destroy(), LINGER_MS);
    this.#client.once('close', () => clearTimeout(timer));
    this.#client.once('end', () => this.#client.destroySoon());
  }

  #targetClosed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#breakOff('The target closed the connection before its response was complete.');
    // It may still have to read what was written.
    this.#client.destroySoon();
  }

  #breakOff(why: string): void {
    for (const each of this.#waiting.splice(0)) each.breakOff(why);
  }
}

function receivedHead({ startLine, rawHeaders }: MessageHead): ReceivedHead {
  const [method = '', url = '', version = ''] = startLine.split(' ');
  return { method, url, httpVersion: version.slice('HTTP/'.length), rawHeaders };
}

function whyRefused(piece: Piece): string | undefined {
  if (piece.type === 'head') return whyOutside(piece.head);
  // Some senders write an empty line after a request.
  return piece.type === 'opaque' && !/^[\r\n]*$/.test(piece.raw.toString('latin1')) ? NO_HTTP : undefined;
}

function ownResponse(status: string, sentence: string, method: string | undefined): Buffer {
  const body = `countersign: ${sentence}\n`;
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    '',
  ].join('\r\n');
  return Buffer.from(method === 'HEAD' ? head : head + body);
}
