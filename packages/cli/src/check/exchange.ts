import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Target } from './target.ts';

/** One request, header by header: headers may repeat, and are sent as latin1. */
export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** How a request travels. */
export interface Transport {
  /** How the end of the body is marked. Default: by its length. `none`: there is no body. */
  readonly framing?: 'length' | 'chunked' | 'none';
  /** Sends the body in so many pieces, with a pause between them. */
  readonly pieces?: { readonly count: number; readonly pauseMs: number };
  /** Breaks the connection after half of the body. */
  readonly breakOff?: boolean;
  /** Sends the body only after `100 Continue`, or after a moment without it. */
  readonly expectContinue?: boolean;
  /** The connections to use. Default: a new one. */
  readonly connection?: SharedConnection;
  readonly timeoutMs: number;
}

/** What came back. Without a status, the receiver closed the connection, or did not respond in time. */
export interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** The beginning of the body. */
  readonly body: string;
  readonly ms: number;
  readonly problem?: 'closed' | 'timeout' | 'broken off';
  /** Whether the whole body was sent before the answer came. */
  readonly wroteAll: boolean;
}

/** One connection for several requests, one after the other. */
export interface SharedConnection {
  readonly agent: HttpAgent;
  close(): void;
}

const KEPT_BODY_BYTES = 65_536;
const PIECE_BYTES = 65_536;
const GRACE_MS = 250;
const CONTINUE_WAIT_MS = 1_000;

/** Opens a connection that is kept between requests, if the receiver keeps it. */
export function sharedConnection(target: Target): SharedConnection {
  const options = { keepAlive: true, maxSockets: 1 };
  const agent = target.url.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
  return { agent, close: () => agent.destroy() };
}

/** Sends one request to the target's address. It follows no redirect, and never rejects because of the receiver. */
export function exchange(target: Target, request: WireRequest, transport: Transport): Promise<Answer> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    let wroteAll = false;
    let isOver = false;
    let seen: Pick<Answer, 'status' | 'headers'> = { status: undefined, headers: {} };
    const message = open(target, request, transport);
    const finish = (body: string, problem?: Answer['problem']) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      const ms = performance.now() - startedAt;
      resolve({ ...seen, body, ms, wroteAll, ...(problem === undefined ? {} : { problem }) });
      if (!message.writableFinished || transport.connection === undefined) message.destroy();
    };
    const giveUp = () => {
      finish('', 'timeout');
      message.destroy();
    };
    let timer = setTimeout(() => {
      // If this process was held up, the answer may be there already, and only unread.
      timer = setTimeout(giveUp, GRACE_MS);
    }, transport.timeoutMs);
    const breakOff = () => {
      finish('', 'broken off');
      message.destroy();
    };
    message.once('error', () => finish('', 'closed'));
    message.once('response', (response) => {
      const wroteBefore = wroteAll;
      seen = { status: response.statusCode, headers: plainHeaders(response) };
      void readBody(response).then((body) => {
        wroteAll = wroteBefore;
        finish(body);
      });
    });
    writeBody(message, request.body, transport, () => isOver || seen.status !== undefined).then(
      (ending) => {
        if (ending === 'broken') breakOff();
        else wroteAll = ending === 'whole';
      },
      () => finish('', 'closed'),
    );
  });
}

function open(
  target: Target,
  { method, path, headers, body }: WireRequest,
  transport: Transport,
): ClientRequest {
  const { framing = 'length' } = transport;
  const flat = ['Host', target.url.host, ...headers.flat()];
  if (framing === 'length') flat.push('Content-Length', String(body.length));
  if (framing === 'chunked') flat.push('Transfer-Encoding', 'chunked');
  if (transport.expectContinue === true) flat.push('Expect', '100-continue');
  if (transport.connection === undefined) flat.push('Connection', 'close');
  const options = {
    host: target.address,
    family: target.family,
    port: target.port,
    method,
    path,
    headers: flat,
    agent: transport.connection?.agent ?? false,
  } as const;
  if (target.url.protocol !== 'https:') return httpRequest(options);
  return httpsRequest({ ...options, servername: target.url.hostname });
}

async function writeBody(
  message: ClientRequest,
  body: Buffer,
  { framing, pieces, breakOff, expectContinue }: Transport,
  isAnswered: () => boolean,
): Promise<'whole' | 'part' | 'broken'> {
  if (framing === 'none' || body.length === 0) {
    message.end();
    return 'whole';
  }
  if (expectContinue === true) {
    message.flushHeaders();
    await eventOrTimeout(message, 'continue', CONTINUE_WAIT_MS);
  }
  // A receiver that has responded may never read on.
  const over = new Promise<void>((resolve) => {
    message.once('response', () => resolve()).once('close', () => resolve());
  });
  const end = breakOff === true ? Math.floor(body.length / 2) : body.length;
  const size = pieces === undefined ? PIECE_BYTES : Math.max(1, Math.ceil(body.length / pieces.count));
  for (let at = 0; at < end; at += size) {
    if (isAnswered()) {
      message.end();
      return 'part';
    }
    await written(message, body.subarray(at, Math.min(end, at + size)), over);
    if (pieces !== undefined && at + size < end) await delay(pieces.pauseMs);
  }
  if (breakOff === true) return 'broken';
  message.end();
  return 'whole';
}

function written(message: ClientRequest, piece: Buffer, over: Promise<void>): Promise<void> {
  const write = new Promise<void>((resolve, reject) => {
    message.write(piece, (error) => (error ? reject(error) : resolve()));
  });
  return Promise.race([write, over]);
}

function eventOrTimeout(message: ClientRequest, event: string, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    message.once(event, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      if (length < KEPT_BODY_BYTES) chunks.push(chunk);
      length += chunk.length;
    }
  } catch {
    // What arrived before the connection broke counts.
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, KEPT_BODY_BYTES);
}

function plainHeaders(response: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headersDistinct))
    headers[name] = value?.join(', ') ?? '';
  return headers;
}

/** Waits. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
