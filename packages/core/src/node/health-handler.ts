import type { IncomingMessage, ServerResponse } from 'node:http';
import { createHealthResponder, type HealthOptions } from '../health-responder.ts';
import type { Verifier } from '../verifier-types.ts';
import { headersOf } from './incoming.ts';
import { sendResponse } from './send-response.ts';

/**
 * Returns the function that responds to a request for health on a server of Node's, for adapters.
 *
 * @param owner The function's name in messages: `healthHandler()`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * const respond = createNodeHealthHandler('healthHandler()', { stripe: verifier })
 * createServer(respond)
 * ```
 */
export function createNodeHealthHandler(
  owner: string,
  verifiers: Readonly<Record<string, Verifier>>,
  options?: HealthOptions,
): (incoming: IncomingMessage, response: ServerResponse) => void {
  const respond = createHealthResponder(owner, verifiers, options);
  return (incoming, response) => {
    const { method, rawHeaders, socket, httpVersion, httpVersionMajor } = incoming;
    // What HTTP/2 calls the host.
    const { authority = '' } = incoming as { authority?: string };
    const content = respond({
      method,
      headers: httpVersionMajor > 1 ? [...rawHeaders, 'host', authority] : headersOf(incoming),
      // nginx without further settings forwards with HTTP/1.0, with a Host of its own and without a header that says so.
      remoteAddress: httpVersion === '1.0' ? undefined : socket?.remoteAddress,
    });
    sendResponse(incoming, response, content);
  };
}
