export {
  type AdapterOptions,
  type AdapterSettings,
  type ContentEncodingPolicy,
  readAdapterOptions,
  type VerifierSource,
} from './adapter-options.ts';
export { refusalAnswer, type WebhookAnswer } from './answer.ts';
export { type Clock, systemClock } from './clock.ts';
export type { DeliveryEvent, KeyringEvent, WebhookEvent } from './events.ts';
export type { HealthWarning, KeyHealth, KeyringHealth, VerifierHealth } from './health.ts';
export { refusalStatus } from './refusal.ts';
export type { Claim } from './replay/claim.ts';
export { type MemoryReplayStoreOptions, memoryReplayStore } from './replay/memory-replay-store.ts';
export { type ReplayRecord, replayRecord } from './replay/replay-record.ts';
export type { ClaimResult, ClaimToken, ReplayStore, ReplayStoreHealth } from './replay/replay-store.ts';
export type { HeadersInput, RequestHead, WebhookRequest } from './request.ts';
export { defineScheme } from './scheme/define-scheme.ts';
export type {
  DefinedScheme,
  DeliveryRules,
  Freshness,
  Key,
  KeyRole,
  Match,
  Opened,
  Scheme,
} from './scheme/scheme.ts';
export type {
  SchemeDefinition,
  SchemeSource,
  SecretFormat,
  SignaturePlace,
  SignedForm,
  TimestampPlace,
  TimeUnit,
} from './scheme/scheme-definition.ts';
export {
  createKeyring,
  type Keyring,
  type KeyringOptions,
  type KeySet,
  type MissResult,
} from './secrets/keyring.ts';
export {
  functionSecrets,
  type ReloadReason,
  type SecretInput,
  type SecretProvider,
  type SecretSetInput,
  staticSecrets,
} from './secrets/secrets.ts';
export { createVerifier, type ReceiveOptions, type Reception, type Verifier } from './verifier.ts';
export type { VerifierOptions } from './verifier-options.ts';
export type { ReceivedWebhook, VerifiedWebhook } from './webhook.ts';
export {
  isWebhookError,
  WebhookError,
  type WebhookErrorCode,
  type WebhookErrorOptions,
} from './webhook-error.ts';
