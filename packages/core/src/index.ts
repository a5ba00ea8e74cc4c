export {
  type AdapterOptions,
  type AdapterSettings,
  type BodySource,
  type ContentEncodingPolicy,
  readAdapterOptions,
  type VerifierSource,
} from './adapter-options.ts';
export { type Clock, systemClock } from './clock.ts';
export type { DeliveryEvent, KeyringEvent, WebhookEvent } from './events.ts';
export type { HealthWarning, KeyHealth, KeyringHealth, VerifierHealth } from './health.ts';
export { refusalStatus } from './refusal-policy.ts';
export type { Claim } from './replay/claim.ts';
export { claimOwner } from './replay/claim-owner.ts';
export type { ReplayHealth } from './replay/guarded-store.ts';
export { type MemoryReplayStoreOptions, memoryReplayStore } from './replay/memory-replay-store.ts';
export { type ReplayRecord, replayRecord } from './replay/replay-record.ts';
export type { ClaimResult, ClaimToken, ReplayStore, ReplayStoreHealth } from './replay/replay-store.ts';
export type { HeadersInput, RequestHead, WebhookRequest } from './request.ts';
export { refusalResponse, type WebhookResponse } from './response.ts';
export type {
  BodyDigestPart,
  ContentPart,
  FieldsPart,
  ListedHeadersPart,
  SortedPart,
} from './scheme/content-part.ts';
export { defineScheme } from './scheme/define-scheme.ts';
export type { ChallengeLimits, HandshakeConditions, HandshakeRule } from './scheme/handshake-definition.ts';
export type {
  DefinedScheme,
  DeliveryRules,
  Freshness,
  Handshake,
  Key,
  KeyRole,
  Match,
  ParsedHead,
  Scheme,
  Validity,
} from './scheme/scheme.ts';
export type {
  BodyTimestamp,
  DeliveryIdentity,
  SchemeDefinition,
  SchemeSource,
} from './scheme/scheme-definition.ts';
export type {
  HashName,
  KeyDerivation,
  PrefixedSecret,
  PublicKey,
  SecretByPrefix,
  SecretFormat,
  SharedSecret,
} from './scheme/secret-format.ts';
export type {
  HashRule,
  HmacRule,
  PublicKeyRule,
  RuleConditions,
  SignatureList,
  SignatureLocation,
  SignatureRule,
  TimestampLocation,
  TimeUnit,
  TokenLocation,
  TokenRule,
  UrlRules,
} from './scheme/signature-rule.ts';
export {
  createKeyring,
  type Keyring,
  type KeyringOptions,
  type KeySet,
  type MismatchResult,
} from './secrets/keyring.ts';
export {
  functionSecrets,
  type ReloadReason,
  type SecretInput,
  type SecretProvider,
  type SecretSetInput,
  staticSecrets,
} from './secrets/secrets.ts';
export { createVerifier, type ReceiveOptions, type ReceiveResult, type Verifier } from './verifier.ts';
export type { VerifierOptions } from './verifier-options.ts';
export type { ReceivedWebhook, VerifiedWebhook } from './webhook.ts';
export {
  isWebhookError,
  WebhookError,
  type WebhookErrorCode,
  type WebhookErrorOptions,
} from './webhook-error.ts';
