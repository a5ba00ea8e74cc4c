import { isWebhookError, type PayloadSchema, type ReceivedWebhook } from '@countersign/core';
import {
  type AdapterOptions,
  type InvalidPayloadPolicy,
  type PayloadOf,
  readAdapterOptions,
  refusalResponse,
  type VerifierSource,
} from '@countersign/core/extend';
import { readRequest } from './read-request.ts';
import { toResponse } from './to-response.ts';
import { type WaitUntil, waitUntilOf } from './wait-until.ts';

/** Options of {@link webhookHandler}. `Context` is what the host passes after the request. */
export interface WebhookOptions<
  Context extends unknown[] = unknown[],
  Schema extends PayloadSchema | undefined = PayloadSchema | undefined,
  Policy extends InvalidPayloadPolicy = InvalidPayloadPolicy,
> extends AdapterOptions<Request, Context, Schema, Policy> {
  /**
   * Keeps the host running until the request is handled, even if its client disconnects, and its delivery settled. Called when the
   * request arrives, and again for what goes on after the response. Default: the `waitUntil` of what the host passes after the request
   * (Cloudflare Workers, Hono, Netlify), or Vercel's, or that of Cloudflare Workers with `nodejs_compat`.
   */
  waitUntil?: WaitUntil;
}

/** What a handler is called with after the request: anything, if the user's functions don't ask for it. */
type Passed<Context extends unknown[]> = [] extends Context ? unknown[] : Context;

/**
 * A request handler that passes only genuine deliveries on, each once: for Hono, Next.js route handlers, and every other host
 * that uses Web `Request` and `Response`.
 *
 * `handler` returns a `Response`, a status, or nothing (204). With 2xx the delivery is handled. With any other status, or if it
 * throws, the sender's retry runs your handler again. `Headers` joins repeated fields, so a repeated header is one odd value
 * here, and not `ERR_WEBHOOK_HEADER_INVALID` by itself.
 *
 * @param verifier The endpoint's verifier, or a function that picks one by the request and by what the host passes after it.
 * @param handler Receives the delivery, then the request, then everything that the host passes after the request.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option; TypeError without a handler.
 * @example
 * ```ts
 * export const POST = webhookHandler(verifier, async (webhook) => {
 *   await save(webhook.json())
 * })
 * ```
 */
export function webhookHandler<
  Context extends unknown[],
  Schema extends PayloadSchema | undefined = undefined,
  Policy extends InvalidPayloadPolicy = 'handle',
  Label extends string = string,
>(
  verifier: VerifierSource<Request, Context, Label>,
  handler: (
    webhook: ReceivedWebhook<PayloadOf<Schema, Policy>, Label>,
    request: Request,
    ...context: Context
  ) => unknown,
  options: WebhookOptions<Context, Schema, Policy> = {},
): (request: Request, ...context: Passed<Context>) => Promise<Response> {
  const { waitUntil, ...adapterOptions } = options;
  const settings = readAdapterOptions('webhookHandler()', verifier, adapterOptions);
  if (waitUntil !== undefined && typeof waitUntil !== 'function') {
    throw new TypeError('"waitUntil" of webhookHandler() must be a function.');
  }
  if (typeof handler !== 'function') {
    throw new TypeError('The second argument of webhookHandler() must be a function.');
  }
  async function respond(
    request: Request,
    context: Context,
    keepRunning: WaitUntil | undefined,
  ): Promise<Response> {
    let response: Response | undefined;
    try {
      const chosen = await settings.choose(request, ...context);
      const given = await chosen.handle(
        {
          method: request.method,
          url: request.url,
          headers: request.headers,
          requestId: settings.identify?.(request, ...context),
          body: (reserve) =>
            settings.body(
              chosen,
              { read: (limits) => readRequest(request, limits) },
              reserve,
              request,
              ...context,
            ),
        },
        async (webhook) => {
          const received = webhook as ReceivedWebhook<PayloadOf<Schema, Policy>, Label>;
          const result = await handler(received, request, ...context);
          if (!isResponse(result)) return result;
          response = result;
          // Response.error() has the status 0, which no sender accepts as a success.
          return result.status === 0 ? 500 : result.status;
        },
        {
          claim: settings.claim,
          settle: settings.settle,
          schema: settings.schema,
          onInvalid: settings.onInvalid,
          waitUntil: keepRunning,
        },
      );
      return response ?? toResponse(given);
    } catch (error) {
      if (!isWebhookError(error)) throw error;
      return toResponse(refusalResponse(error));
    }
  }
  return async function handleWebhook(request, ...context) {
    if (typeof request?.arrayBuffer !== 'function' || typeof request.headers?.get !== 'function') {
      throw new TypeError(
        'The argument of the function that webhookHandler() returned must be a Web Request. In Hono: (context) => receive(context.req.raw).',
      );
    }
    const keepRunning = waitUntil ?? waitUntilOf(context);
    const responding = respond(request, context as Context, keepRunning);
    // If the client disconnects, some hosts stop everything that the request has started: a run that has a claim, and a reload of the
    // secrets for which other requests wait.
    keepRunning?.(responding.catch(() => undefined));
    return responding;
  };
}

/** Checks its properties, because frameworks have their own Response classes. */
function isResponse(value: unknown): value is Response {
  const given = value as Partial<Response> | null | undefined;
  return (
    typeof given === 'object' && typeof given?.status === 'number' && typeof given.headers?.get === 'function'
  );
}

export type { ReceivedWebhook, VerifiedWebhook, Verifier } from '@countersign/core';
export { type HealthHandlerOptions, healthHandler } from './health-handler.ts';
export { shadow } from './shadow.ts';
export type { WaitUntil };
