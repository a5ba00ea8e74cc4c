import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebhookResponse } from '../response.ts';
import { systemClock } from '../util/clock.ts';
import { closeIfStopping } from './incoming.ts';

/** Reading and dropping a body up to this size is cheaper than opening a new connection. */
const DRAIN_BYTES = 256 * 1024;
/**
 * How many bytes a closing connection still reads, and for how long. Many clients don't read the response until they have sent
 * everything, and a reset would lose it. A client that has stopped sending has read the response, or never will.
 */
const LINGER_BYTES = 32 * 1024 * 1024;
const LINGER_IDLE_MS = 1000;
const LINGER_MS = 30_000;

/**
 * Sends a whole response. A small unread body is drained and the connection kept. The connection is closed if more than 256 KiB
 * or an unknown length is unread, if `close` is set, or if the server no longer listens. Sends nothing if a response has begun.
 *
 * @example
 * ```ts
 * sendResponse(incoming, response, refusalResponse(error))
 * ```
 */
export function sendResponse(
  incoming: IncomingMessage,
  response: ServerResponse,
  content: WebhookResponse,
  options: { close?: boolean } = {},
): void {
  if (response.headersSent || response.destroyed) {
    incoming.resume();
    return;
  }
  const body = typeof content.body === 'string' ? Buffer.from(content.body) : content.body;
  response.statusCode = content.status;
  for (const [name, value] of Object.entries(content.headers)) response.setHeader(name, value);
  if (content.status !== 204) response.setHeader('content-length', body.byteLength);
  const unread = unreadBytes(incoming);
  closeIfStopping(incoming, response);
  if (incoming.httpVersionMajor > 1 || (options.close !== true && unread <= DRAIN_BYTES)) {
    incoming.resume();
    response.end(body);
    return;
  }
  response.setHeader('connection', 'close');
  if (unread === 0) {
    response.end(body);
    return;
  }
  // Ending the response resets the connection while the client is still sending. So the whole response goes out first.
  response.write(body);
  discard(incoming, () => response.end());
}

/** How many bytes of a request may be unread: 0 if it is complete, infinite if its length is unknown. */
function unreadBytes(incoming: IncomingMessage): number {
  if (incoming.complete || incoming.readableEnded) return 0;
  if (incoming.headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  return Number(incoming.headers['content-length'] ?? 0);
}

function discard(incoming: IncomingMessage, done: () => void): void {
  let bytes = 0;
  const stop = () => {
    cancelIdle();
    cancelAll();
    incoming.off('data', count).off('end', stop).off('close', stop).off('error', stop);
    incoming.on('error', () => undefined);
    incoming.pause();
    done();
  };
  const cancelAll = systemClock.schedule(stop, LINGER_MS);
  let cancelIdle = systemClock.schedule(stop, LINGER_IDLE_MS);
  const count = (chunk: Uint8Array) => {
    bytes += chunk.byteLength;
    cancelIdle();
    cancelIdle = systemClock.schedule(stop, LINGER_IDLE_MS);
    if (bytes > LINGER_BYTES) stop();
  };
  if (incoming.destroyed) {
    stop();
    return;
  }
  incoming.on('data', count).once('end', stop).once('close', stop).once('error', stop);
  incoming.resume();
}
