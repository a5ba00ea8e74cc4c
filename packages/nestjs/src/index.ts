export type { ReceivedWebhook, VerifiedWebhook, Verifier } from '@countersign/core';
export { healthHandler } from './health-handler.ts';
export { shadow } from './shadow.ts';
export { VerifyWebhook } from './verify-webhook.decorator.ts';
export { Webhook } from './webhook.decorator.ts';
export { WebhookGuard } from './webhook.guard.ts';
export { WebhookModule } from './webhook.module.ts';
export { type WebhookHealth, WebhookHealthIndicator } from './webhook-health.indicator.ts';
export type {
  WebhookHttpRequest,
  WebhookModuleOptions,
  WebhookRouteOptions,
  WebhookVerifierSource,
} from './webhook-module-options.ts';
