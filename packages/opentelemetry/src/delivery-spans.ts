import type { WebhookEvent } from '@countersign/core';
import {
  type Attributes,
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';
import { openSpans } from './in-webhook-span.ts';

type EventOf<Type extends WebhookEvent['type']> = Extract<WebhookEvent, { type: Type }>;

/** What is known of a delivery once it is verified. */
interface Verified {
  readonly endpoint: string;
  readonly scheme: string;
  readonly id: string;
  readonly key: { readonly role: string };
}

/**
 * Makes a span for each verification and one for each run of a handler.
 *
 * An observer is called when something has happened, so the span of a verification begins in the past. That of a handler begins when the
 * delivery is claimed. Both are children of the span that is active then: that of the HTTP server.
 */
export function deliverySpans(tracer: Tracer): (event: WebhookEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'verified':
        verification(tracer, event, { 'countersign.key.role': event.key.role });
        return;
      case 'refused':
        // If the delivery was verified before, this is the end of its claim.
        refusal(tracer, event);
        return;
      case 'duplicate':
        duplicate(tracer, event);
        return;
      case 'claimed':
        claim(tracer, event);
        return;
      case 'handler-failed':
        handlerFailed(tracer, event);
        return;
      case 'committed':
      case 'released':
        settled(event);
        return;
      case 'claim-lost':
      case 'release-failed':
        close(openSpans.take(event), event.type);
        return;
      case 'commit-failed':
      case 'handler-timeout':
        openSpans.get(event)?.span.addEvent(event.type);
        return;
    }
  };
}

function verification(tracer: Tracer, event: EventOf<'verified' | 'refused'>, attributes: Attributes): void {
  const startTime = Date.now() - event.durationMs;
  const span = tracer.startSpan(`verify ${event.endpoint}`, {
    startTime,
    attributes: { ...endpointOf(event), ...attributes },
  });
  if (event.type === 'refused') span.setStatus({ code: SpanStatusCode.ERROR, message: event.code });
  span.end(startTime + event.durationMs);
}

function refusal(tracer: Tracer, event: EventOf<'refused'>): void {
  const attributes: Attributes = {
    'countersign.code': event.code,
    'http.response.status_code': event.status,
  };
  const { id } = event;
  if (id === undefined) {
    verification(tracer, event, attributes);
    return;
  }
  const span = processing(tracer, { ...event, id }, { ...attributes, 'countersign.outcome': 'refused' });
  span.setStatus({ code: SpanStatusCode.ERROR, message: event.code });
  span.end(Date.now());
}

function duplicate(tracer: Tracer, event: Verified): void {
  processing(tracer, event, { 'countersign.outcome': 'duplicate' }).end(Date.now());
}

function claim(tracer: Tracer, event: Verified): void {
  const startedAt = Date.now();
  const span = processing(tracer, event, { 'countersign.key.role': event.key.role }, startedAt);
  close(openSpans.add(event, { span, startedAt }), 'dropped');
}

function processing(
  tracer: Tracer,
  event: Omit<Verified, 'key'>,
  attributes: Attributes,
  startTime = Date.now(),
): Span {
  return tracer.startSpan(
    `process ${event.endpoint}`,
    {
      kind: SpanKind.CONSUMER,
      startTime,
      attributes: {
        ...endpointOf(event),
        'messaging.operation.type': 'process',
        'messaging.message.id': event.id,
        ...attributes,
      },
    },
    context.active(),
  );
}

function handlerFailed(tracer: Tracer, event: EventOf<'handler-failed'>): void {
  const open = openSpans.get(event);
  // With `claim: 'manual'`, a handler may fail without a claim, or after it.
  const span =
    open?.span ??
    processing(tracer, event, { 'countersign.outcome': 'failed' }, Date.now() - event.durationMs);
  const error = event.error instanceof Error ? event.error : String(event.error);
  span.recordException(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : error });
  if (open === undefined) span.end(Date.now());
}

/** The store may take longer than the handler, but the span is that of the handler. */
function settled(event: EventOf<'committed' | 'released'>): void {
  const open = openSpans.take(event);
  if (open === undefined) return;
  const { span, startedAt } = open;
  const isHandled = event.type === 'committed';
  span.setAttribute('countersign.outcome', isHandled ? 'handled' : 'failed');
  if (event.status !== undefined) span.setAttribute('http.response.status_code', event.status);
  if (!isHandled) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(startedAt + event.handlerDurationMs);
}

function close(open: { readonly span: Span } | undefined, reason: string): void {
  if (open === undefined) return;
  open.span.addEvent(reason);
  open.span.setAttribute('countersign.outcome', reason === 'claim-lost' ? 'lost' : 'failed');
  open.span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
  open.span.end();
}

function endpointOf({ endpoint, scheme }: { endpoint: string; scheme: string }): Attributes {
  return { 'countersign.endpoint': endpoint, 'countersign.scheme': scheme };
}
