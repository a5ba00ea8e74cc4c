import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ShadowReport, Verifier } from '@countersign/core';
import { createNodeShadow, type ShadowOptions } from '@countersign/core/extend';

/**
 * Middleware for `app.use()` that lets every request pass **without verification**, and reports what the adapter would do with it: to put verification on an endpoint that
 * is in use. What is behind it reads the body as before, and gets no `webhook`. The process warns that nothing is enforced.
 *
 * The verifier's own observers and `health()` see these checks too. Duplicates are not found, because nothing is claimed.
 *
 * Mount it in `main.ts`, before `app.listen()`: Nest's body parsers then run after it, on Express and on Fastify.
 *
 * @param report Gets the outcome of each request. The request does not wait for it, and what it throws harms nothing.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * app.use('/hooks/stripe', shadow(verifier, (report) => logger.log(report)))
 * ```
 */
export function shadow(
  verifier: Verifier | ((request: IncomingMessage) => Verifier | undefined | Promise<Verifier | undefined>),
  report: (report: ShadowReport) => unknown,
  options?: ShadowOptions<IncomingMessage>,
): (request: IncomingMessage, response: ServerResponse, next: () => void) => void {
  const watch = createNodeShadow('shadow() of @countersign/nestjs', verifier, report, options);
  return (request, response, next) => {
    watch(request, request, response);
    next();
  };
}
