import type { VerifiedWebhook } from '@countersign/core';
import { context, type Span, trace } from '@opentelemetry/api';
import { OpenDeliveries } from './open-deliveries.ts';

/** The spans of the handlers that are running. Of the whole process, because handlers do not know the observer. */
export const openSpans = new OpenDeliveries<{ readonly span: Span; readonly startedAt: number }>();

/**
 * Runs work with the span of the delivery's handler active, so that spans which are made in it become its children. An observer is only
 * told what happens, so it can't do that by itself: without this function, your spans are children of the HTTP server's span.
 *
 * If there is no span of a handler, for example because no verifier has an OpenTelemetry observer, the work just runs.
 *
 * @returns What the work returns.
 * @example
 * ```ts
 * export const POST = webhookHandler(verifier, (webhook) => inWebhookSpan(webhook, () => save(webhook.json())))
 * ```
 */
export function inWebhookSpan<T>(webhook: Pick<VerifiedWebhook, 'endpoint' | 'id'>, work: () => T): T {
  const open = openSpans.get(webhook);
  return open === undefined ? work() : context.with(trace.setSpan(context.active(), open.span), work);
}
