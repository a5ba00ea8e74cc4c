import type { HealthOptions, ReceivedWebhook, Verifier } from '@countersign/core';
import {
  type AdapterOptions,
  createNodeHealthHandler,
  createNodeReceiver,
  handlerEnded,
  handlerStarted,
  settleAbandonedResponse,
  type VerifierSource,
} from '@countersign/core/extend';
import type { Context, Middleware } from 'koa';

/** What `ctx.state` contains behind {@link webhook}. */
export interface WebhookState {
  /** The verified delivery. */
  webhook: ReceivedWebhook;
}

/** Options of {@link webhook}. */
export type WebhookOptions = AdapterOptions<Context>;

/**
 * Koa middleware that passes only genuine deliveries on, each once. For a route, or with `app.use`.
 *
 * It reads the request itself, with any content type: mount it before any body parser. Behind it `ctx.state.webhook` is the
 * delivery and `ctx.request.body` its bytes. If the response is sent with 2xx, the delivery is handled. With any other status, the
 * sender's retry runs your handler again.
 *
 * @param verifier The endpoint's verifier, or a function that picks one by route or header.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * router.post('/hooks/stripe', webhook(verifier), async (ctx) => {
 *   await save(ctx.state.webhook.json())
 *   ctx.status = 204
 * })
 * ```
 */
export function webhook(
  verifier: VerifierSource<Context>,
  options?: WebhookOptions,
): Middleware<WebhookState> {
  const receive = createNodeReceiver('webhook()', verifier, options);
  return async function webhookMiddleware(ctx, next) {
    const received = await receive(ctx, ctx.req, ctx.res);
    if (received === undefined) {
      // The raw response has been sent: Koa must not respond a second time.
      ctx.respond = false;
      return;
    }
    ctx.state.webhook = received;
    (ctx.request as { body?: unknown }).body = received.body;
    // koa-body refuses a request that has been read; its bytes can be read again. Other parsers see `ctx.request.body`.
    Object.defineProperty(ctx.req, 'readable', { value: true, configurable: true });
    handlerStarted(ctx.res);
    try {
      await next();
    } catch (error) {
      handlerEnded(ctx.res, { error });
      settleAbandonedResponse(ctx.res, 500);
      throw error;
    }
    handlerEnded(ctx.res);
    // Koa doesn't respond to a client that has left: the status that the handler meant to send decides.
    if (ctx.respond !== false) settleAbandonedResponse(ctx.res, ctx.status);
  };
}

/**
 * Middleware that tells probes and operators how the verifiers of this process are: 200 if at least one can work, otherwise 503, with a
 * `HealthReport` as JSON. It answers requests from this machine, and those with the token.
 *
 * @param verifiers The verifiers by names of your choice.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, such as a short token.
 * @example
 * ```ts
 * router.get('/health', healthHandler({ stripe: verifier }, { token: process.env.HEALTH_TOKEN }))
 * ```
 */
export function healthHandler(
  verifiers: Readonly<Record<string, Verifier>>,
  options?: HealthOptions,
): Middleware {
  const respond = createNodeHealthHandler('healthHandler()', verifiers, options);
  return function healthMiddleware(ctx) {
    ctx.respond = false;
    respond(ctx.req, ctx.res);
  };
}

export type { ReceivedWebhook, VerifiedWebhook, Verifier } from '@countersign/core';
