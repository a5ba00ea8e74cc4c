import type {
  HealthOptions,
  PayloadSchema,
  ReceivedWebhook,
  ShadowReport,
  Verifier,
} from '@countersign/core';
import {
  type AdapterOptions,
  createNodeHealthHandler,
  createNodeReceiver,
  createNodeShadow,
  handlerEnded,
  handlerStarted,
  type InvalidPayloadPolicy,
  type PayloadOf,
  type ShadowOptions,
  settleAbandonedResponse,
  type VerifierSource,
} from '@countersign/core/extend';
import type { Context, Middleware } from 'koa';

/** What `ctx.state` contains behind {@link webhook}. */
export interface WebhookState<Payload = unknown, Label extends string = string> {
  /** The verified delivery. */
  webhook: ReceivedWebhook<Payload, Label>;
}

/** Options of {@link webhook}. */
export type WebhookOptions<
  Schema extends PayloadSchema | undefined = PayloadSchema | undefined,
  Policy extends InvalidPayloadPolicy = InvalidPayloadPolicy,
> = AdapterOptions<Context, [], Schema, Policy>;

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
export function webhook<
  Schema extends PayloadSchema | undefined = undefined,
  Policy extends InvalidPayloadPolicy = 'handle',
  Label extends string = string,
>(
  verifier: VerifierSource<Context, [], Label>,
  options?: WebhookOptions<Schema, Policy>,
): Middleware<WebhookState<PayloadOf<Schema, Policy>, Label>> {
  const receive = createNodeReceiver('webhook()', verifier, options);
  return async function webhookMiddleware(ctx, next) {
    const received = await receive(ctx, ctx.req, ctx.res);
    if (received === undefined) {
      // The raw response has been sent: Koa must not respond a second time.
      ctx.respond = false;
      return;
    }
    ctx.state.webhook = received as ReceivedWebhook<PayloadOf<Schema, Policy>, Label>;
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
 * Middleware that lets every request pass **without verification**, and reports what the adapter would do with it: to put verification on an endpoint that
 * is in use. What is behind it reads the body as before, and gets no `webhook`. The process warns that nothing is enforced.
 *
 * The verifier's own observers and `health()` see these checks too. Duplicates are not found, because nothing is claimed.
 *
 * @param report Gets the outcome of each request. The request does not wait for it, and what it throws harms nothing.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * router.post('/hooks/stripe', shadow(verifier, (report) => logger.info(report)), bodyParser(), oldHandler)
 * ```
 */
export function shadow(
  verifier: VerifierSource<Context>,
  report: (report: ShadowReport) => unknown,
  options?: ShadowOptions<Context>,
): Middleware {
  const watch = createNodeShadow('shadow() of @countersign/koa', verifier, report, options);
  return function shadowMiddleware(ctx, next) {
    watch(ctx, ctx.req, ctx.res);
    return next();
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
