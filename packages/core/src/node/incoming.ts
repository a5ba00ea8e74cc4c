import { constants } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Server, Socket } from 'node:net';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import {
  type BodyLimits,
  bodyIncomplete,
  bodyTooLarge,
  CONTENT_ENCODINGS,
  type ContentEncodingPolicy,
} from '../adapter-options.ts';
import { BytePieces, type ReserveBytes } from '../pending-bytes.ts';
import type { HeadersInput } from '../request.ts';
import { checkChoice, checkKeys, checkNumber, configError } from '../util/options.ts';
import { WebhookError } from '../webhook-error.ts';

/** Frameworks that mount handlers below a path remove that path from `url` and keep the whole URL under another name. */
export function urlOf(incoming: IncomingMessage): string | undefined {
  return (incoming as { originalUrl?: string }).originalUrl ?? incoming.url;
}

/** Serverless hosts build the requests themselves, and may leave the raw pairs empty. */
export function headersOf({ rawHeaders, headers }: IncomingMessage): HeadersInput {
  return rawHeaders?.length > 0 ? rawHeaders : headers;
}

/**
 * Makes a response the last one of its connection, if the server no longer listens. After `server.close()` Node keeps the connections
 * that are in use, and a load balancer that reuses its connections could send requests forever.
 */
export function closeIfStopping(incoming: IncomingMessage, response: ServerResponse): void {
  if (serverOf(incoming)?.listening !== false) return;
  if (incoming.httpVersionMajor > 1) (incoming as { stream?: Http2Stream }).stream?.session?.close?.();
  else if (!response.headersSent) response.setHeader('connection', 'close');
}

/** Closes the connection of a response that began while the server still listened. Call it when the response has finished. */
export function closeIdleIfStopping(incoming: IncomingMessage): void {
  const server = serverOf(incoming);
  if (server?.listening !== false) return;
  if (incoming.httpVersionMajor > 1) (incoming as { stream?: Http2Stream }).stream?.session?.close?.();
  // Not at once: until the event is over, the connection counts as busy.
  else setImmediate(() => server.closeIdleConnections?.());
}

interface Http2Stream {
  readonly session?: { close?(): void; readonly socket?: HostSocket } | undefined;
}

type HostServer = Partial<Server> & { closeIdleConnections?(): void };
type HostSocket = { readonly server?: HostServer } | null | undefined;

/** Serverless hosts have requests without a server. */
function serverOf(incoming: IncomingMessage): HostServer | undefined {
  if (incoming.httpVersionMajor > 1)
    return (incoming as { stream?: Http2Stream }).stream?.session?.socket?.server;
  return (incoming.socket as HostSocket)?.server;
}

/** Options of {@link readBody}. */
export interface ReadBodyOptions {
  /** The most bytes that a body may have, as received and after decompression. */
  maxBodyBytes: number;
  /** What to do with a body that has a Content-Encoding. Default: `'refuse'`. */
  contentEncoding?: ContentEncodingPolicy;
}

/**
 * Reads a request's body as the bytes that were received: nothing is decoded, and a body may have 0 bytes. Waits until the body
 * has ended, exceeds the limit, or the connection is lost. The server's `requestTimeout` limits how long a sender may take.
 *
 * After a refusal the rest of the body is unread and the request is paused: respond with `Connection: close`, or drain it.
 *
 * Rejects with a {@link WebhookError}, never with anything else:
 *
 * - `ERR_WEBHOOK_BODY_CONSUMED`: a body parser, or anything else, read the request first. Only the stream is checked, so a
 *   `req.body` that a parser set without reading doesn't matter.
 * - `ERR_WEBHOOK_BODY_ENCODED`: its Content-Encoding is not accepted. Nothing was read.
 * - `ERR_WEBHOOK_BODY_TOO_LARGE`: by its Content-Length, before anything is read, or by the bytes counted.
 * - `ERR_WEBHOOK_BODY_INCOMPLETE`: it ended early, or its compressed data is truncated or corrupt.
 * - `ERR_WEBHOOK_CONFIG_INVALID`: an option is wrong.
 *
 * @example
 * ```ts
 * createServer(async (request, response) => {
 *   const webhook = await verifier.verify({
 *     headers: request.rawHeaders,
 *     body: () => readBody(request, { maxBodyBytes: 1_048_576 }),
 *   })
 * })
 * ```
 */
export async function readBody(incoming: IncomingMessage, options: ReadBodyOptions): Promise<Buffer> {
  return readChecked(incoming, checkOptions(options));
}

/** {@link readBody} with options that have been checked. Throws if the head alone shows that the body is refused. */
export function readChecked(incoming: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const { maxBodyBytes, contentEncoding } = limits;
  const declared = incoming.headers['content-length'] ?? '';
  const length = /^[0-9]{1,15}$/.test(declared) ? Number(declared) : undefined;
  refuseConsumed(incoming, length);
  const decode = decoderFor(incoming.headers['content-encoding'], contentEncoding);
  if (length !== undefined && length > maxBodyBytes) throw bodyTooLarge(maxBodyBytes);
  const received = readReceived(incoming, limits, length);
  if (decode === undefined) return received;
  return received.then((bytes) => decode(bytes, maxBodyBytes, limits.reserve));
}

function checkOptions(options: ReadBodyOptions): BodyLimits {
  options = checkKeys('readBody()', options, ['maxBodyBytes', 'contentEncoding']);
  const { maxBodyBytes } = options;
  checkNumber('maxBodyBytes', maxBodyBytes, { min: 1, max: constants.MAX_LENGTH, fallback: Number.NaN });
  if (!Number.isInteger(maxBodyBytes)) {
    throw configError('"maxBodyBytes" of readBody() must be a whole number of bytes.');
  }
  return {
    maxBodyBytes,
    contentEncoding: checkChoice('contentEncoding', options.contentEncoding, CONTENT_ENCODINGS),
    reserve: undefined,
  };
}

function refuseConsumed(incoming: IncomingMessage, length: number | undefined): void {
  // A body that other code has read, or is reading in pieces, can't be read again. A stream that ended before anything read it is an
  // empty body, unless the request announced a body: then the server discarded it after the response.
  const consumed =
    incoming.readableDidRead ||
    incoming.listenerCount('readable') > 0 ||
    (incoming.readableEnded && length !== undefined && length > 0);
  if (consumed) {
    throw new WebhookError(
      'ERR_WEBHOOK_BODY_CONSUMED',
      "Something read the request's body before the webhook verifier could, probably a body parser. Mount the webhook route before " +
        'the body parser, or limit the parser to other routes. If your host keeps the raw bytes, pass them with the "rawBody" option.',
    );
  }
  if (typeof incoming.readableEncoding === 'string') {
    throw new WebhookError(
      'ERR_WEBHOOK_BODY_CONSUMED',
      'Something called setEncoding() on the request, so its body arrives as text and not as the bytes that were signed. ' +
        'Remove that call, or mount the webhook route before it.',
    );
  }
}

/**
 * Collects the bytes of a body that nothing has read yet. A body that arrived in one piece is returned without a copy. After a
 * refusal the request is left paused, with the rest unread.
 */
function readReceived(
  incoming: IncomingMessage,
  { maxBodyBytes, reserve }: BodyLimits,
  length: number | undefined,
): Promise<Buffer> {
  if (incoming.readableEnded) return Promise.resolve(Buffer.alloc(0));
  // `readable` would not do: some serverless hosts set it to false before anything has read the body.
  if (incoming.destroyed || incoming.errored) return Promise.reject(connectionLost());
  return new Promise((resolve, reject) => {
    const pieces = new BytePieces();
    let received = 0;
    let done = false;
    let listensToSocket = false;
    const stop = () => {
      done = true;
      incoming.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost);
      if (listensToSocket) incoming.socket?.off('end', onLost);
    };
    const refuse = (error: unknown) => {
      stop();
      incoming.pause();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      received += chunk.length;
      if (received > maxBodyBytes) {
        refuse(bodyTooLarge(maxBodyBytes));
        return;
      }
      try {
        reserve?.(chunk.length);
        pieces.add(chunk);
      } catch (error) {
        refuse(error);
      }
    };
    const finish = () => {
      stop();
      resolve(pieces.join());
    };
    // A client may leave when it has sent its whole body. Node ends the body then, and other runtimes break it off.
    const onLost = () => (received === length ? finish() : refuse(connectionLost()));
    const onEnd = () => {
      // Over HTTP/2, `complete` is also true for a stream that its client has reset.
      const isReset = incoming.httpVersionMajor > 1 && incoming.aborted;
      if (incoming.complete === false || isReset || (length ?? received) !== received) onLost();
      else finish();
    };
    incoming.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost);
    // If other code paused the request, listening for data doesn't resume it.
    if (incoming.isPaused()) incoming.resume();
    // A server with its own `clientError` listener may keep a connection that its client has half-closed: then only the socket shows
    // it. Wait until the current packet is parsed: of several pipelined requests, only the last one can be incomplete after that.
    process.nextTick(() => {
      if (done || received === length || incoming.complete || incoming.httpVersionMajor !== 1) return;
      if (!(incoming.socket instanceof Socket)) return;
      if (incoming.socket.readableEnded) onLost();
      else {
        listensToSocket = true;
        incoming.socket.on('end', onLost);
      }
    });
  });
}

function connectionLost(): WebhookError {
  return bodyIncomplete(
    "The request's body ended early: its sender, or something on the way, closed the connection.",
  );
}

/** Decodes a whole body. `reserve` counts the decoded bytes. */
type Decoder = (wire: Buffer, maxBodyBytes: number, reserve?: ReserveBytes) => Promise<Buffer>;

type Engine = ReturnType<typeof createGunzip>;

// A map, because the key comes from the request: an object would also find `constructor`.
const ENGINES: ReadonlyMap<string, () => Engine> = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/**
 * Checks the Content-Encoding header before anything is read. Returns a function that decodes the body, if the body needs one.
 *
 * @throws `ERR_WEBHOOK_BODY_ENCODED` if the encoding is unknown or refused.
 * @example
 * ```ts
 * const decode = decoderFor(request.headers.get('content-encoding') ?? undefined, 'decompress')
 * const body = decode === undefined ? received : await decode(received, maxBodyBytes)
 * ```
 */
export function decoderFor(header: string | undefined, policy: ContentEncodingPolicy): Decoder | undefined {
  const encoding = header?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity' || policy === 'as-received') return undefined;
  if (policy === 'refuse') {
    throw encoded(
      'The body is compressed, and this endpoint accepts only uncompressed bodies. Set "contentEncoding" to "as-received" if the ' +
        'sender signs the compressed bytes, or to "decompress" if it signs before compressing.',
    );
  }
  const create = ENGINES.get(encoding);
  if (create === undefined) {
    throw encoded('The Content-Encoding of the request is not exactly one of gzip, deflate or br.');
  }
  return async (wire, maxBodyBytes, reserve) =>
    wire.length === 0 ? wire : decode(create(), wire, maxBodyBytes, reserve);
}

async function decode(
  engine: Engine,
  wire: Buffer,
  maxBodyBytes: number,
  reserve: ReserveBytes | undefined,
): Promise<Buffer> {
  // Loaded only when needed: most receivers never decompress a body.
  const { default: rawBody } = await import('raw-body');
  return new Promise((resolve, reject) => {
    // While it decodes: a few compressed bytes may become many.
    engine.on('data', (chunk: Buffer) => {
      try {
        reserve?.(chunk.length);
      } catch (error) {
        engine.destroy();
        reject(error);
      }
    });
    rawBody(engine, { limit: maxBodyBytes }, (error, body) => {
      // A body over the limit must not be decompressed any further.
      engine.destroy();
      if (error) reject(error.type === 'entity.too.large' ? bodyTooLarge(maxBodyBytes) : corrupt());
      // The decoders for deflate and br stop where the compressed data ends, and ignore what follows.
      else if (engine.bytesWritten !== wire.length) reject(corrupt());
      else resolve(body);
    });
    engine.end(wire);
  });
}

function corrupt(): WebhookError {
  return bodyIncomplete('The compressed body is truncated or corrupt.');
}

function encoded(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_BODY_ENCODED', message);
}
