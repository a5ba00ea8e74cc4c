import type { ServerResponse } from 'node:http';
import type { Claim } from '../replay/claim.ts';

const settlers = new WeakMap<ServerResponse, (success: boolean) => void>();

/**
 * Settles a claim by the response that is really sent: ended with 2xx it commits, ended with anything else it releases.
 *
 * What counts is that the server ends the response, not that the client receives it: with a client gone `finish` never comes,
 * and a retry would run a delivery that was handled. A response that the server destroys with an error releases. One that is
 * never ended settles nothing: the handler may still be at work, and the lease lapses after its time.
 */
export function settleByResponse(response: ServerResponse, claim: Claim): void {
  const { end, writeHead } = response;
  // Once the head is out, a status that is set later is not what the sender reads.
  let sentStatus: number | undefined;
  let settled = false;
  const settle = (success: boolean) => {
    if (settled) return;
    settled = true;
    // What the store fails at is observed by the claim; the answer is on its way already.
    (success ? claim.commit() : claim.release()).catch(() => undefined);
  };
  settlers.set(response, settle);
  response.writeHead = function writeHeadAndRemember(this: ServerResponse, ...args: unknown[]) {
    const result = Reflect.apply(writeHead, this, args);
    sentStatus ??= this.statusCode;
    return result;
  } as ServerResponse['writeHead'];
  response.end = function endAndSettle(this: ServerResponse, ...args: unknown[]) {
    const result = Reflect.apply(end, this, args);
    settle(isSuccess(sentStatus ?? this.statusCode));
    return result;
  } as ServerResponse['end'];
  response.once('close', () => {
    // HTTP/2 responses have no `errored`: there, nothing tells the server's own destruction from a client that leaves.
    if (response.errored instanceof Error && !response.writableEnded) settle(false);
  });
}

/**
 * Settles by the status that a handler meant to answer with, for frameworks that end no response whose client is gone.
 * Does nothing where the response was ended, or is no webhook's.
 */
export function settleUnended(response: ServerResponse, status: number): void {
  settlers.get(response)?.(isSuccess(status));
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
