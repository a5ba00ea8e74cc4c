import type { ReceivedWebhook } from '@countersign/core';
import {
  type AdapterOptions,
  createNodeReceiver,
  settleAbandonedResponse,
  type VerifierSource,
} from '@countersign/core/extend';
import type { Context, Middleware } from 'koa';

/** What `ctx.state` holds behind {@link webhook}. */
export interface WebhookState {
  /** The verified delivery. */
  webhook: ReceivedWebhook;
}

/** Options of {@link webhook}. */
export type WebhookOptions = AdapterOptions<Context>;

/**
 * Koa middleware that lets only genuine deliveries through, each of them once. For a route, or with `app.use`.
 *
 * It reads the request itself, whatever its content type: mount it before any body parser. Behind it `ctx.state.webhook` is the
 * delivery and `ctx.request.body` its bytes. The response decides what becomes of the delivery: sent with 2xx it is handled for
 * good, sent with anything else the sender's retry runs again.
 *
 * @param verifier The endpoint's verifier, or a function that chooses one by route or header.
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
      // Answered on the raw response: Koa must not answer a second time.
      ctx.respond = false;
      return;
    }
    ctx.state.webhook = received;
    (ctx.request as { body?: unknown }).body = received.body;
    try {
      await next();
    } catch (error) {
      if (!ctx.writable) settleAbandonedResponse(ctx.res, 500);
      throw error;
    }
    // Koa ends no response whose client is gone; what the handler meant to answer decides.
    if (!ctx.writable && ctx.respond !== false) settleAbandonedResponse(ctx.res, ctx.status);
  };
}

export type { ReceivedWebhook, VerifiedWebhook, Verifier } from '@countersign/core';
