// For authors of adapters, replay stores, providers of secrets and schemes. The other packages of this project import it too.

// Adapters
export {
  type AdapterOptions,
  type AdapterSettings,
  type BodyLimits,
  type BodySource,
  bodyIncomplete,
  bodyTooLarge,
  type ContentEncodingPolicy,
  readAdapterOptions,
  type VerifierSource,
} from './adapter-options.ts';
export { createHealthResponder, type HealthRequest, healthReport } from './health-responder.ts';
export { createNodeHealthHandler } from './node/health-handler.ts';
export { decoderFor } from './node/incoming.ts';
export { createNodeReceiver, type NodeReceiver } from './node/receiver.ts';
export { sendResponse } from './node/send-response.ts';
export { handlerEnded, handlerStarted, settleAbandonedResponse, settleByResponse } from './node/settle.ts';
export { createNodeShadow } from './node/shadow.ts';
export type { InvalidPayloadPolicy, PayloadOf } from './payload.ts';
export { BytePieces, type ReserveBytes } from './pending-bytes.ts';
export { refusalStatus } from './refusals.ts';
// Replay stores
export {
  type ClaimResult,
  type ClaimToken,
  checkClaimTimes,
  checkCommitTimes,
  checkDuration,
  checkReplayKey,
  claimOwner,
  type ReplayStoreHealth,
  replayKeyDigest,
} from './replay/replay-store.ts';
export { inProgress } from './replay/store-error.ts';
export { Sweeper, type SweeperOptions } from './replay/sweeper.ts';
export {
  type LeasedRunOptions,
  type LeasedRunResult,
  type ObservedRunOptions,
  observedRun,
  runUnderLease,
} from './replay/transactional-run.ts';
// Schemes, and the parts of a definition
export type { RequestHead } from './request.ts';
export { handlerRefusal, refusalResponse } from './response.ts';
export { rulesOf } from './scheme/definition/rule-facts.ts';
export type {
  BodyTimestamp,
  ChallengeLimits,
  DeliveryIdentity,
  EventTypeLocation,
  HandshakeConditions,
  HandshakeRule,
  SchemeSource,
  SplitBy,
} from './scheme/definition/scheme-definition.ts';
export type {
  HashName,
  KeyDerivation,
  PrefixedSecret,
  PublicKey,
  SecretByPrefix,
  SecretFormat,
  SharedSecret,
} from './scheme/definition/secret-format.ts';
export type {
  BodyDigestPart,
  ContentPart,
  FieldsPart,
  HashRule,
  HmacRule,
  ListedHeadersPart,
  PublicKeyRule,
  RuleConditions,
  SignatureList,
  SignatureLocation,
  SortedPart,
  TimestampLocation,
  TimeUnit,
  TokenLocation,
  TokenRule,
  UrlRules,
} from './scheme/definition/signature-rule.ts';
export type { Freshness, Handshake, Key, Match, ParsedHead, Validity } from './scheme/scheme.ts';
// Providers of secrets, and what verifiers call on a keyring
export { KEYRING, type KeySet, type MismatchResult, type VerifierKeyring } from './secrets/keyring.ts';
export { parseSecretJson, parseSecretText, type SecretLocation } from './secrets/secret-text.ts';
export { providerError } from './secrets/secrets.ts';
export { createShadow, type ShadowOptions } from './shadow.ts';
// Options, time and errors
export { systemClock } from './util/clock.ts';
export { pageOfCode } from './util/docs.ts';
export {
  checkChoice,
  checkClock,
  checkFunction,
  checkKeys,
  checkNumber,
  configError,
  copyDefinition,
  suggest,
} from './util/options.ts';
export { type DeadlineOptions, withDeadline } from './util/promises.ts';
export type { WebhookErrorOptions } from './webhook-error.ts';
