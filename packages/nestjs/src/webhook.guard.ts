import { WebhookError } from '@countersign/core';
import { type CanActivate, type ExecutionContext, Inject, Injectable, Optional } from '@nestjs/common';
import { httpExchange } from './http-exchange.ts';
import { isReceivedFor, keepReceived } from './received-webhooks.ts';
import { ENDPOINTS, type WebhookEndpoints } from './webhook-endpoints.ts';
import { type WebhookTarget, webhookTarget } from './webhook-target.ts';

// The package is published as ES modules and as CommonJS, so one process may have two copies of the class.
const BRAND: unique symbol = Symbol.for('countersign.WebhookGuard') as never;

/**
 * The guard that `@VerifyWebhook` adds to a handler. It gives the same protection when used directly:
 *
 * - `@UseGuards(WebhookGuard)`, if the order of guards matters. Without `@VerifyWebhook` it uses the module's only verifier.
 * - as `APP_GUARD`, so that deliveries are verified before any other guard runs. Handlers without `@VerifyWebhook` are not affected.
 *
 * If a delivery is refused, or was handled before, the request ends here: the response is sent, and no filter, interceptor or
 * handler of Nest runs for it.
 */
@Injectable()
export class WebhookGuard implements CanActivate {
  /** @internal */
  static readonly [BRAND]: unknown = true;
  readonly #endpoints: WebhookEndpoints;

  constructor(@Optional() @Inject(ENDPOINTS) endpoints: WebhookEndpoints | undefined) {
    if (endpoints === undefined) {
      throw new WebhookError(
        'ERR_WEBHOOK_CONFIG_INVALID',
        '@VerifyWebhook and WebhookGuard found no WebhookModule. Import WebhookModule.forRoot({ verifiers }) or forRootAsync() in the root module.',
      );
    }
    this.#endpoints = endpoints;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const target = guardedTarget(context.getHandler(), context.getClass());
    if (target === undefined) return true;
    if (context.getType() !== 'http') {
      throw new WebhookError(
        'ERR_WEBHOOK_CONFIG_INVALID',
        'Only HTTP requests can be webhooks. Use @VerifyWebhook on the handlers of controllers.',
      );
    }
    const { request, incoming, response, setBody, leave } = httpExchange(context);
    // A second guard on the same handler, or the global guard before it.
    if (isReceivedFor(incoming, target)) return true;
    const webhook = await this.#endpoints.receiver(target)(request, incoming, response);
    if (webhook === undefined) {
      leave();
      return responded();
    }
    keepReceived(incoming, target, webhook);
    setBody(webhook.body);
    return true;
  }
}

/** What {@link WebhookGuard} verifies before it lets a handler run; `undefined` for a handler that is not a webhook. */
export function guardedTarget(handler: object, controller: object): WebhookTarget | undefined {
  return webhookTarget(handler, controller, isWebhookGuard);
}

/** Whether it is the guard, a class that extends it, or an instance of one. */
function isWebhookGuard(guard: unknown): boolean {
  const owner = typeof guard === 'function' ? guard : (guard as object | null | undefined)?.constructor;
  return (owner as { [BRAND]?: unknown } | undefined)?.[BRAND] === true;
}

/**
 * The end of a request that has been responded to. If the guard denied or threw, Nest and the application's filters would respond
 * again and log it; a promise that never settles is simply freed with the request.
 */
function responded(): Promise<never> {
  return new Promise(() => undefined);
}
