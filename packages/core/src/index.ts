// For users: everything needed to receive webhooks. `./extend` exports the rest, for authors of adapters, stores, providers and schemes.
export type { DeliveryEvent, KeyringEvent, Observer, UnroutedEvent, WebhookEvent } from './events.ts';
export type { HealthWarning, KeyHealth, KeyringHealth, VerifierHealth } from './health.ts';
export type { HealthOptions, HealthReport } from './health-responder.ts';
export { type LogWebhooksOptions, logWebhooks, type WebhookLogger } from './log-webhooks.ts';
export type { PayloadIssue, PayloadSchema } from './payload.ts';
export type { PendingBytesHealth } from './pending-bytes.ts';
export type { Claim, HandlerEnding } from './replay/claim.ts';
export { type MemoryReplayStoreOptions, memoryReplayStore } from './replay/memory-replay-store.ts';
export type { ReplayStore } from './replay/replay-store.ts';
export type { ReplayHealth } from './replay/resilient-store.ts';
export type { HeadersInput, PublicUrl, WebhookRequest } from './request.ts';
export type { WebhookResponse } from './response.ts';
export { defineScheme } from './scheme/define-scheme.ts';
export type { SchemeDefinition } from './scheme/definition/scheme-definition.ts';
export type { SignatureRule } from './scheme/definition/signature-rule.ts';
export type { DeliveryRules } from './scheme/delivery-rules.ts';
export type { DefinedScheme, KeyRole, Scheme } from './scheme/scheme.ts';
export { createKeyring } from './secrets/create-keyring.ts';
export type { Keyring, KeyringOptions } from './secrets/keyring.ts';
export {
  functionSecrets,
  type LoadContext,
  type LoadedSecrets,
  type LoadSecrets,
  type ReloadReason,
  type SecretInput,
  type SecretProvider,
  type SecretSetInput,
  type SecretsGone,
  secretsGone,
  staticSecrets,
} from './secrets/secrets.ts';
export type { ShadowReport } from './shadow.ts';
export {
  createTenants,
  type TenantContext,
  type Tenants,
  type TenantsOptions,
} from './tenants/create-tenants.ts';
export { type TenantByBodyOptions, tenantByBody } from './tenants/tenant-by-body.ts';
export type { Clock } from './util/clock.ts';
export { createVerifier } from './verifier.ts';
export type {
  DisabledVerifierOptions,
  HandleOptions,
  ReceiveOptions,
  ReceiveResult,
  Verifier,
  VerifierOptions,
} from './verifier-types.ts';
export type { ReceivedWebhook, VerifiedWebhook } from './webhook.ts';
export { payloadOf, type ReplayRecord, replayRecord } from './webhook.ts';
export { isWebhookError, WebhookError, type WebhookErrorCode } from './webhook-error.ts';
