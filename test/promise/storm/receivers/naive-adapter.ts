import { isWebhookError, type Verifier } from '@countersign/core';
import { refusalResponse, sendResponse } from '@countersign/core/extend';
import { readBody } from '@countersign/core/node';
import type { RequestHandler } from 'express';

const MAX_BODY_BYTES = 1024 * 1024;

/**
 * P1, put back: an adapter that begins to listen for the end of the response when it has its claim. A client that left before that
 * has closed the response already, so the adapter never hears of its end, and the claim is never settled.
 */
export function naiveWebhook(verifier: Verifier, { claim }: { claim?: 'auto' | 'manual' }): RequestHandler {
  return async (req, res, next) => {
    try {
      const received = await verifier.receive(
        {
          method: req.method,
          url: req.originalUrl,
          headers: req.rawHeaders,
          body: () => readBody(req, { maxBodyBytes: MAX_BODY_BYTES }),
        },
        { claim },
      );
      if (received.state !== 'claimed') return sendResponse(req, res, received.response);
      const settle = (): void => {
        const isSuccess = res.statusCode >= 200 && res.statusCode < 300;
        const settled = isSuccess ? received.claim.commit() : received.claim.release();
        settled.catch(() => undefined);
      };
      res.once('finish', settle);
      req.webhook = received.webhook;
      next();
    } catch (error) {
      if (isWebhookError(error)) sendResponse(req, res, refusalResponse(error));
      else next(error);
    }
  };
}
