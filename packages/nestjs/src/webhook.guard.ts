import { WebhookError } from '@countersign/core';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { httpExchange } from './http-exchange.ts';
import { isReceivedFor, keepReceived } from './received-webhooks.ts';
import { WebhookEndpoints } from './webhook-endpoints.ts';
import { type WebhookTarget, webhookTarget } from './webhook-target.ts';

/**
 * What `@VerifyWebhook` puts before a handler. It can also be used by itself, with the same protection:
 *
 * - `@UseGuards(WebhookGuard)`, where its place among other guards matters. Without `@VerifyWebhook` it means the module's only
 *   verifier.
 * - as `APP_GUARD`, so that deliveries are verified before any other guard runs. Handlers that are no webhooks pass.
 *
 * Where a delivery is refused, or was handled before, the request ends here: it is answered, and nothing of Nest runs for it any
 * more, no filter and no interceptor either.
 */
@Injectable()
export class WebhookGuard implements CanActivate {
  readonly #endpoints: WebhookEndpoints;

  constructor(@Inject(WebhookEndpoints) endpoints: WebhookEndpoints) {
    this.#endpoints = endpoints;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const target = guardedTarget(context.getHandler(), context.getClass());
    if (target === undefined) return true;
    if (context.getType() !== 'http') {
      throw new WebhookError(
        'ERR_WEBHOOK_CONFIG_INVALID',
        'Only HTTP requests can be webhooks; @VerifyWebhook is for controllers.',
      );
    }
    const { request, incoming, response, leave } = httpExchange(context);
    // A second guard on the same handler, or the global one before it.
    if (isReceivedFor(incoming, target)) return true;
    const webhook = await this.#endpoints.receiver(target)(request, incoming, response);
    if (webhook === undefined) {
      leave();
      return answered();
    }
    keepReceived(incoming, target, webhook);
    request.body = webhook.body;
    return true;
  }
}

/** What {@link WebhookGuard} verifies before it lets a handler run; `undefined` for a handler that is no webhook. */
export function guardedTarget(handler: object, controller: object): WebhookTarget | undefined {
  return webhookTarget(handler, controller, isWebhookGuard);
}

function isWebhookGuard(guard: unknown): boolean {
  if (guard instanceof WebhookGuard || guard === WebhookGuard) return true;
  return typeof guard === 'function' && guard.prototype instanceof WebhookGuard;
}

/**
 * The end of a request that is answered. To deny, or to throw, would make Nest and the application's filters answer it once more
 * and log it; a promise that never settles is nothing but forgotten with the request.
 */
function answered(): Promise<never> {
  return new Promise(() => undefined);
}
