import { isWebhookError, type PayloadSchema, type ReceivedWebhook } from '@countersign/core';
import {
  type AdapterOptions,
  type InvalidPayloadPolicy,
  type PayloadOf,
  readAdapterOptions,
  refusalResponse,
  type VerifierSource,
} from '@countersign/core/extend';
import { EventRequest, type LambdaContext, type LambdaEvent } from './event.ts';
import { completeResult, givenResult, type LambdaResult, resultOf } from './result.ts';

/** Options of {@link webhookHandler}. */
export interface WebhookOptions<
  Event extends LambdaEvent = LambdaEvent,
  Context = LambdaContext,
  Schema extends PayloadSchema | undefined = PayloadSchema | undefined,
  Policy extends InvalidPayloadPolicy = InvalidPayloadPolicy,
> extends AdapterOptions<Event, [context: Context], Schema, Policy> {
  /**
   * When the delivery is committed or released. `'before-response'`: the function returns when the replay store has confirmed, because
   * Lambda stops the process as soon as it has the result. Default: `'before-response'`.
   */
  settle?: 'after-response' | 'before-response';
}

/**
 * A function for AWS Lambda that passes only genuine deliveries on, each once: behind API Gateway (REST and HTTP APIs), a function URL
 * or an Application Load Balancer.
 *
 * `handler` returns a result of Lambda (`{ statusCode, … }`), a Web `Response`, a status, or nothing (204). With 2xx the delivery is handled. With any
 * other status, or if it throws, the sender's retry runs your handler again.
 *
 * @param verifier The endpoint's verifier, or a function that picks one by the event and Lambda's context.
 * @param handler Receives the delivery, then the event, then Lambda's context.
 * @returns The function to export. It rejects with `ERR_WEBHOOK_CONFIG_INVALID` for an event that is not an HTTP request in a known format.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option; TypeError without a handler.
 * @example
 * ```ts
 * export const handler = webhookHandler(verifier, async (webhook) => {
 *   await save(webhook.json())
 * })
 * ```
 */
export function webhookHandler<
  Event extends LambdaEvent = LambdaEvent,
  Context = LambdaContext,
  Schema extends PayloadSchema | undefined = undefined,
  Policy extends InvalidPayloadPolicy = 'handle',
  Label extends string = string,
>(
  verifier: VerifierSource<Event, [context: Context], Label>,
  handler: (
    webhook: ReceivedWebhook<PayloadOf<Schema, Policy>, Label>,
    event: Event,
    context: Context,
  ) => unknown,
  options: WebhookOptions<Event, Context, Schema, Policy> = {},
): (event: Event, context: Context) => Promise<LambdaResult> {
  const settings = readAdapterOptions('webhookHandler()', verifier, options);
  const settle = (Object.hasOwn(options, 'settle') ? options.settle : undefined) ?? 'before-response';
  if (typeof handler !== 'function') {
    throw new TypeError('The second argument of webhookHandler() must be a function.');
  }
  return async function handleWebhook(event, context) {
    const request = new EventRequest(event);
    let result: LambdaResult | undefined;
    try {
      const chosen = await settings.choose(event, context);
      const { method, url, headers } = request;
      const response = await chosen.handle(
        {
          method,
          url,
          headers,
          requestId: settings.identify?.(event, context),
          body: (reserve) => settings.body(chosen, request, reserve, event, context),
        },
        async (webhook) => {
          const received = webhook as ReceivedWebhook<PayloadOf<Schema, Policy>, Label>;
          const returned = await handler(received, event, context);
          const given = await givenResult(returned);
          if (given === undefined) return returned;
          result = completeResult(request, given);
          return given.statusCode;
        },
        { claim: settings.claim, schema: settings.schema, onInvalid: settings.onInvalid, settle },
      );
      return result ?? resultOf(request, response);
    } catch (error) {
      if (!isWebhookError(error)) throw error;
      return resultOf(request, refusalResponse(error));
    }
  };
}

export type { ReceivedWebhook, VerifiedWebhook, Verifier } from '@countersign/core';
export { healthHandler } from './health-handler.ts';
export { shadow } from './shadow.ts';
export type { LambdaContext, LambdaEvent, LambdaResult };
