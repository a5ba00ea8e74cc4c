export { inWebhookSpan } from './in-webhook-span.ts';
export { type OpenTelemetryOptions, observeWithOpenTelemetry } from './observe.ts';
