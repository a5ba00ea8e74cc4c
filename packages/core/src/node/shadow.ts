import type { IncomingMessage, ServerResponse } from 'node:http';
import type { VerifierSource } from '../adapter-options.ts';
import { createShadow, type ShadowOptions, type ShadowReport } from '../shadow.ts';
import { BodyTap } from './body-tap.ts';
import { headersOf, urlOf } from './incoming-head.ts';

/**
 * Returns the function that watches a request on a server of Node's, for an adapter's `shadow()`. Call it before anything reads the body.
 *
 * @param owner The function's name in messages: `shadow() of @countersign/express`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * const watch = createNodeShadow<Request>('shadow()', verifier, report)
 * const middleware = (request: Request, response: Response, next: NextFunction) => {
 *   watch(request, request, response)
 *   next()
 * }
 * ```
 */
export function createNodeShadow<Request>(
  owner: string,
  source: VerifierSource<Request>,
  report: (report: ShadowReport) => unknown,
  options?: ShadowOptions<Request>,
): (request: Request, incoming: IncomingMessage, response: ServerResponse) => void {
  const judge = createShadow(owner, source, report, options);
  return (request, incoming, response) => {
    const tap = new BodyTap(incoming, response);
    const head = { method: incoming.method, url: urlOf(incoming), headers: headersOf(incoming) };
    void judge(head, tap, request).finally(() => tap.stop());
  };
}
