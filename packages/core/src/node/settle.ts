import type { ServerResponse } from 'node:http';
import type { Claim } from '../replay/claim.ts';

// An event: a WeakMap with an entry for each request makes garbage collection dearer than verifying, and so does a property in
// Express, which changes the prototype of each response.
const UNENDED = Symbol('countersign.unended');

/**
 * Settles a claim by the response that is really sent: ended with 2xx it commits, ended with anything else it releases.
 *
 * What counts is that the server ends the response, not that the client receives it: with a client gone `finish` never comes,
 * and a retry would run a delivery that was handled. A response that the server destroys with an error releases. One that is
 * never ended settles nothing: the handler may still be at work, and the lease lapses after its time.
 */
export function settleByResponse(response: ServerResponse, claim: Claim): void {
  let settled = false;
  const settle = (success: boolean) => {
    if (settled) return;
    settled = true;
    // What the store fails at is observed by the claim; the answer is on its way already.
    (success ? claim.commit() : claim.release()).catch(() => undefined);
  };
  response.on(UNENDED, settle);
  // Over HTTP/2 a stream that its client has reset finishes too, without having been ended.
  response.on('finish', () => {
    if (response.writableEnded) settle(isSuccess(sentStatus(response)));
  });
  response.on('close', () => {
    if (settled) return;
    if (response.writableEnded) settle(isSuccess(sentStatus(response)));
    // HTTP/2 responses have no `errored`: there, nothing tells the server's own destruction from a client that leaves.
    else if (response.errored instanceof Error) settle(false);
    else settleAtLateEnd(response, settle);
  });
}

/** No event tells of the end of a response whose client is gone. Only such a response is changed: it costs more than verifying. */
function settleAtLateEnd(response: ServerResponse, settle: (success: boolean) => void): void {
  const { end } = response;
  response.end = function endAndSettle(this: ServerResponse, ...args: unknown[]) {
    const result = Reflect.apply(end, this, args);
    settle(isSuccess(sentStatus(this)));
    return result;
  } as ServerResponse['end'];
}

/** The status in the head that was sent: `statusCode` may have been set again since, which no sender reads. */
function sentStatus(response: ServerResponse): number {
  const head = (response as { _header?: unknown })._header;
  const status =
    typeof head === 'string' ? Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)) : Number.NaN;
  return Number.isInteger(status) ? status : response.statusCode;
}

/**
 * Settles by the status that a handler meant to answer with, for frameworks that end no response whose client is gone.
 * Does nothing where the response was ended, or is no webhook's.
 */
export function settleAbandonedResponse(response: ServerResponse, status: number): void {
  if (!response.writableEnded) response.emit(UNENDED, isSuccess(status));
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
