import { type ReceivedWebhook, WebhookError } from '@countersign/core';
import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { httpExchange } from './http-exchange.ts';
import { receivedWebhook } from './received-webhooks.ts';

/** What the decorator sets on a parameter. Such parameters are found by it when the application starts. */
export function webhookParameter(_data: unknown, context: ExecutionContext): ReceivedWebhook {
  const webhook = receivedWebhook(httpExchange(context).incoming);
  if (webhook !== undefined) return webhook;
  throw new WebhookError(
    'ERR_WEBHOOK_CONFIG_INVALID',
    'No guard has verified this request. Add @VerifyWebhook to the handler; in a test that replaces WebhookGuard, sign the requests instead.',
  );
}

/**
 * Parameter decorator: the verified delivery, a {@link ReceivedWebhook}, in a handler under `@VerifyWebhook`.
 *
 * @example
 * ```ts
 * anchor(@Webhook() webhook: ReceivedWebhook) { … }
 * ```
 */
export const Webhook: (...pipes: (Type<PipeTransform> | PipeTransform)[]) => ParameterDecorator =
  createParamDecorator(webhookParameter);
