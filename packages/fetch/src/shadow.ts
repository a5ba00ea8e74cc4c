import type { ShadowReport } from '@countersign/core';
import { createShadow, type ShadowOptions, type VerifierSource } from '@countersign/core/extend';
import { consumed, readRequest } from './read-request.ts';
import { waitUntilOf } from './wait-until.ts';

/**
 * A request handler that lets every request pass **without verification**, and reports what the adapter would do with it: to put verification on an endpoint that
 * is in use. What is behind it reads the body as before, and gets no `webhook`. The process warns that nothing is enforced.
 *
 * The verifier's own observers and `health()` see these checks too. Duplicates are not found, because nothing is claimed.
 *
 * @param report Gets the outcome of each request. The request does not wait for it, and what it throws harms nothing.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * export const POST = shadow(verifier, (report) => console.info(report), oldHandler)
 * ```
 */
export function shadow<Context extends unknown[], Result extends Response | Promise<Response>>(
  verifier: VerifierSource<Request, Context>,
  report: (report: ShadowReport) => unknown,
  handler: (request: Request, ...context: Context) => Result,
  options?: ShadowOptions<Request, Context>,
): (request: Request, ...context: Context) => Result {
  const judge = createShadow('shadow() of @countersign/fetch', verifier, report, options);
  if (typeof handler !== 'function')
    throw new TypeError('The third argument of shadow() must be a function.');
  return (request, ...context) => {
    const copy = copyOf(request);
    const { method, url, headers } = request;
    const read = async (limits: Parameters<typeof readRequest>[1]) => {
      if (copy === undefined) throw consumed();
      return readRequest(copy, limits);
    };
    // What was not read must not fill the memory.
    const judged = judge({ method, url, headers }, { read }, request, ...context).finally(() => {
      copy?.body?.cancel().catch(() => undefined);
    });
    waitUntilOf(context)?.(judged);
    return handler(request, ...context);
  };
}

/** `undefined` if the body has been read. */
function copyOf(request: Request): Request | undefined {
  try {
    return request.clone();
  } catch {
    return undefined;
  }
}
