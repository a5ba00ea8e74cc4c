import type { ReceivedWebhook } from '@countersign/core';
import {
  type AdapterOptions,
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

export type { ReceivedWebhook, VerifiedWebhook, Verifier } from '@countersign/core';
