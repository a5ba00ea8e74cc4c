import type { ReceivedWebhook } from '@countersign/core';
import { type AdapterOptions, createNodeReceiver, type VerifierSource } from '@countersign/core/extend';
import type { Request, RequestHandler } from 'express';

declare global {
  namespace Express {
    interface Request {
      /** The verified delivery. There in every handler behind `webhook()`; elsewhere it is `undefined`. */
      webhook: ReceivedWebhook;
    }
  }
}

/** Options of {@link webhook}. */
export type WebhookOptions = AdapterOptions<Request>;

/**
 * Express middleware that lets only genuine deliveries through, each of them once. For a route, or with `app.use`.
 *
 * It reads the request itself, whatever its content type: mount it before any body parser. Behind it `req.webhook` is the
 * delivery and `req.body` its bytes. The response decides what becomes of the delivery: ended with 2xx it is handled for good,
 * ended with anything else the sender's retry runs again.
 *
 * @param verifier The endpoint's verifier, or a function that chooses one by route or header.
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
  const receive = createNodeReceiver('webhook()', verifier, options);
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
    if (isExpress4(req)) (req as Request & { _body?: boolean })._body = true;
    next();
  };
}

/** Its parsers need to be told that there is nothing left to parse; those of Express 5 ask the stream. */
function isExpress4(req: Request): boolean {
  return typeof (req.app as { lazyrouter?: unknown } | undefined)?.lazyrouter === 'function';
}

export type { ReceivedWebhook, VerifiedWebhook, Verifier } from '@countersign/core';
