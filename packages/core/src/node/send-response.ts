import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebhookResponse } from '../response.ts';
import { systemClock } from '../util/clock.ts';

/** A body up to here is cheaper to read and drop than a connection is to open. */
const DRAIN_BYTES = 256 * 1024;
/**
 * How much and how long a closing connection still takes: many clients read nothing before they have sent everything, and a reset
 * would cost them the answer. One that sends nothing any more has read it, or never will.
 */
const LINGER_BYTES = 32 * 1024 * 1024;
const LINGER_IDLE_MS = 1000;
const LINGER_MS = 30_000;

/**
 * Sends a whole answer. A small unread body is drained and the connection kept; with more than 256 KiB, an unknown length, or
 * `close`, the connection is closed.
 */
export function sendResponse(
  incoming: IncomingMessage,
  response: ServerResponse,
  answer: WebhookResponse,
  options: { close?: boolean } = {},
): void {
  if (response.headersSent || response.destroyed) {
    incoming.resume();
    return;
  }
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  if (answer.status !== 204) response.setHeader('content-length', body.byteLength);
  const unread = unreadBytes(incoming);
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
  // Ending the response resets the connection under a client that is still sending: so the answer goes out whole first.
  response.write(body);
  discard(incoming, () => response.end());
}

/** How much of a request is still to come: 0 when it is complete, infinite when it does not say. */
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
