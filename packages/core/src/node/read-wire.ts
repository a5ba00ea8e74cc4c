import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { WebhookError } from '../webhook-error.ts';
import { bodyIncomplete, bodyTooLarge } from './body-errors.ts';

/**
 * Collects the bytes of a body that nothing has read yet. A body that came in one piece is given as it came. After a refusal the
 * request is left paused, with the rest unread.
 *
 * @param length What Content-Length announces, if it is there.
 */
export function readWire(
  incoming: IncomingMessage,
  maxBodyBytes: number,
  length: number | undefined,
): Promise<Buffer> {
  if (incoming.readableEnded) return Promise.resolve(Buffer.alloc(0));
  if (!incoming.readable) return Promise.reject(connectionLost());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    let settled = false;
    let listensToSocket = false;
    const settle = () => {
      settled = true;
      incoming.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost);
      if (listensToSocket) incoming.socket?.off('end', onLost);
    };
    const refuse = (error: WebhookError) => {
      settle();
      incoming.pause();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      received += chunk.length;
      if (received > maxBodyBytes) refuse(bodyTooLarge(maxBodyBytes));
      else chunks.push(chunk);
    };
    const onLost = () => refuse(connectionLost());
    const onEnd = () => {
      if (incoming.complete === false || isAborted(incoming) || (length ?? received) !== received) {
        onLost();
        return;
      }
      settle();
      resolve(joined(chunks, received));
    };
    incoming.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost);
    // Where somebody paused the request, listening for data doesn't start it again.
    if (incoming.isPaused()) incoming.resume();
    // A server with a `clientError` listener of its own may keep a connection that its client has half-closed: then only the
    // socket says so. Not before the packet at hand is parsed: of pipelined requests only the last can still be incomplete then.
    process.nextTick(() => {
      if (settled || received === length || incoming.complete || incoming.httpVersionMajor !== 1) return;
      if (!(incoming.socket instanceof Socket)) return;
      if (incoming.socket.readableEnded) onLost();
      else {
        listensToSocket = true;
        incoming.socket.on('end', onLost);
      }
    });
  });
}

function joined(chunks: readonly Buffer[], bytes: number): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes);
}

/** Over HTTP/2 a stream that its client has reset calls itself complete. */
function isAborted(incoming: IncomingMessage): boolean {
  return incoming.httpVersionMajor > 1 && incoming.aborted;
}

function connectionLost(): WebhookError {
  return bodyIncomplete(
    "The request's body ended early: its sender, or something on the way, closed the connection.",
  );
}
