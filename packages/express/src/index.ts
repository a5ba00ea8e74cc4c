import type { HealthOptions, ReceivedWebhook, ShadowReport, Verifier } from '@countersign/core';
import {
  type AdapterOptions,
  createNodeHealthHandler,
  createNodeReceiver,
  createNodeShadow,
  type ShadowOptions,
  type VerifierSource,
} from '@countersign/core/extend';
import type { Request, RequestHandler } from 'express';

declare global {
  namespace Express {
    interface Request {
      /** The verified delivery. Set in every handler behind `webhook()`; elsewhere it is `undefined`. */
      webhook: ReceivedWebhook;
    }
  }
}

/** Options of {@link webhook}. */
export interface WebhookOptions extends Omit<AdapterOptions<Request>, 'rawBody'> {
  /**
   * Returns the raw body if the host has already read it, as Cloud Functions and Firebase do: `(req) => req.rawBody`. If it returns
   * nothing, the body is read from the request.
   */
  rawBody?(
    // Other packages declare another type for Express's property of this name.
    request: Omit<Request, 'rawBody'> & { rawBody?: Uint8Array | undefined },
  ): Uint8Array | undefined | Promise<Uint8Array | undefined>;
}

/**
 * Express middleware that passes only genuine deliveries on, each once. For a route, or with `app.use`.
 *
 * It reads the request itself, with any content type: mount it before any body parser. Behind it `req.webhook` is the delivery, and
 * `req.body` and `req.rawBody` are its bytes. If the response ends with 2xx, the delivery is handled. With any other status, no
 * matter which code sent it, the sender's retry runs your handler again.
 *
 * @param verifier The endpoint's verifier, or a function that picks one by route or header.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * app.post('/hooks/stripe', webhook(verifier), async (req, res) => {
 *   await save(req.webhook.json())
 *   res.sendStatus(204)
 * })
 * ```
 */
export function webhook(verifier: VerifierSource<Request>, options?: WebhookOptions): RequestHandler {
  const receive = createNodeReceiver('webhook()', verifier, options as AdapterOptions<Request> | undefined);
  return async function webhookMiddleware(req, res, next) {
    let received: ReceivedWebhook | undefined;
    try {
      received = await receive(req, req, res);
    } catch (error) {
      next(error);
      return;
    }
    if (received === undefined) return;
    req.webhook = received;
    req.body = received.body;
    // Where the middleware of senders' SDKs, for example Octokit and Slack Bolt, look for the bytes.
    Object.assign(req, { rawBody: received.body });
    if (isExpress4(req)) (req as Request & { _body?: boolean })._body = true;
    next();
  };
}

/** The parsers of Express 4 must be told that nothing is left to parse; those of Express 5 ask the stream. */
function isExpress4(req: Request): boolean {
  return typeof (req.app as { lazyrouter?: unknown } | undefined)?.lazyrouter === 'function';
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
 * app.post('/hooks/stripe', shadow(verifier, (report) => logger.info(report)), express.json(), oldHandler)
 * ```
 */
export function shadow(
  verifier: VerifierSource<Request>,
  report: (report: ShadowReport) => unknown,
  options?: ShadowOptions<Request>,
): RequestHandler {
  const watch = createNodeShadow('shadow() of @countersign/express', verifier, report, options);
  return function shadowMiddleware(req, res, next) {
    watch(req, req, res);
    next();
  };
}

/**
 * A route that tells probes and operators how the verifiers of this process are: 200 if at least one can work, otherwise 503, with a
 * `HealthReport` as JSON. It answers requests from this machine, and those with the token.
 *
 * @param verifiers The verifiers by names of your choice.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, such as a short token.
 * @example
 * ```ts
 * app.get('/health', healthHandler({ stripe: verifier }, { token: process.env.HEALTH_TOKEN }))
 * ```
 */
export function healthHandler(
  verifiers: Readonly<Record<string, Verifier>>,
  options?: HealthOptions,
): RequestHandler {
  return createNodeHealthHandler('healthHandler()', verifiers, options);
}

export type { ReceivedWebhook, VerifiedWebhook, Verifier } from '@countersign/core';
