import { isWebhookError, type ReceivedWebhook, type WebhookResponse } from '@countersign/core';
import {
  type AdapterOptions,
  readAdapterOptions,
  refusalResponse,
  type VerifierSource,
} from '@countersign/core/extend';
import { readRequest } from './read-request.ts';

/** Options of {@link webhookHandler}. */
export type WebhookOptions = AdapterOptions<Request>;

/**
 * A request handler that lets only genuine deliveries through, each of them once: for Hono, Next.js route handlers, and whatever else
 * speaks Web `Request` and `Response`.
 *
 * `handler` gives a `Response`, a status, or nothing (204). With 2xx the delivery is handled for good; with anything else, or when it
 * throws, the sender's retry runs again. `Headers` joins repeated fields, so here a repeated header is one odd value rather than
 * `ERR_WEBHOOK_HEADER_INVALID` by itself.
 *
 * @param verifier The endpoint's verifier, or a function that chooses one.
 * @param handler Gets the delivery, and after it whatever the host passes behind the request.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option; TypeError without a handler.
 * @example
 * ```ts
 * export const POST = webhookHandler(verifier, async (webhook) => {
 *   await save(webhook.json())
 * })
 * ```
 */
export function webhookHandler<Rest extends unknown[]>(
  verifier: VerifierSource<Request>,
  handler: (webhook: ReceivedWebhook, ...rest: Rest) => unknown,
  options?: WebhookOptions,
): (request: Request, ...rest: Rest) => Promise<Response> {
  const settings = readAdapterOptions('webhookHandler()', verifier, options);
  if (typeof handler !== 'function')
    throw new TypeError('webhookHandler() wants a handler as its second argument.');
  return async function handleWebhook(request, ...rest) {
    if (typeof request?.arrayBuffer !== 'function' || typeof request.headers?.get !== 'function') {
      throw new TypeError(
        'webhookHandler() was not given a Web Request. In Hono: (context) => receive(context.req.raw).',
      );
    }
    let response: Response | undefined;
    try {
      const chosen = await settings.choose(request);
      const incoming = {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: () =>
          settings.body(request, chosen, {
            read: (maxBodyBytes, contentEncoding) => readRequest(request, { maxBodyBytes, contentEncoding }),
          }),
      };
      const answer = await chosen.handle(
        incoming,
        async (webhook) => {
          const result = await handler(webhook, ...rest);
          if (!isResponse(result)) return result;
          response = result;
          // Response.error() has the status 0, which no sender takes for a success.
          return result.status === 0 ? 500 : result.status;
        },
        settings,
      );
      return response ?? toResponse(answer);
    } catch (error) {
      if (!isWebhookError(error)) throw error;
      return toResponse(refusalResponse(error));
    }
  };
}

function toResponse({ status, headers, body }: WebhookResponse): Response {
  return new Response([204, 205, 304].includes(status) ? null : body, { status, headers });
}

/** By its looks: frameworks bring Response classes of their own. */
function isResponse(value: unknown): value is Response {
  const given = value as Partial<Response> | null | undefined;
  return (
    typeof given === 'object' && typeof given?.status === 'number' && typeof given.headers?.get === 'function'
  );
}

export type { ReceivedWebhook, VerifiedWebhook, Verifier } from '@countersign/core';
