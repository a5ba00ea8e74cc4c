import type { ShadowReport } from '@countersign/core';
import {
  createShadow,
  type ShadowOptions,
  systemClock,
  type VerifierSource,
  withDeadline,
} from '@countersign/core/extend';
import { EventRequest, type LambdaContext, type LambdaEvent } from './event.ts';

/** Lambda stops the process when the function returns. A check that takes longer than the handler may take so much more. */
const PATIENCE_MS = 1000;

/**
 * A function for AWS Lambda that lets every request pass **without verification**, and reports what the adapter would do with it: to put verification on an endpoint that
 * is in use. What is behind it reads the body as before, and gets no `webhook`. The process warns that nothing is enforced.
 *
 * The verifier's own observers and `health()` see these checks too. Duplicates are not found, because nothing is claimed.
 *
 * @param report Gets the outcome of each request. The request does not wait for it, and what it throws harms nothing.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * export const handler = shadow(verifier, (report) => console.info(report), oldHandler)
 * ```
 */
export function shadow<Event extends LambdaEvent = LambdaEvent, Context = LambdaContext, Result = unknown>(
  verifier: VerifierSource<Event, [context: Context]>,
  report: (report: ShadowReport) => unknown,
  handler: (event: Event, context: Context) => Result | Promise<Result>,
  options?: ShadowOptions<Event, [context: Context]>,
): (event: Event, context: Context) => Promise<Result> {
  const judge = createShadow('shadow() of @countersign/lambda', verifier, report, options);
  if (typeof handler !== 'function')
    throw new TypeError('The third argument of shadow() must be a function.');
  async function judgeEvent(event: Event, context: Context): Promise<void> {
    let request: EventRequest;
    try {
      request = new EventRequest(event);
    } catch {
      // Not an HTTP request: the handler may be for other events, too.
      return;
    }
    const { method, url, headers } = request;
    await judge({ method, url, headers }, request, event, context);
  }
  return async (event, context) => {
    const judged = judgeEvent(event, context);
    try {
      return await handler(event, context);
    } finally {
      const overdue = () => new Error('The check takes too long.');
      await withDeadline(() => judged, { timeoutMs: PATIENCE_MS, clock: systemClock, overdue }).catch(
        () => undefined,
      );
    }
  };
}
