export type { Audit, AuditRecord, AuditState, InterruptedRun } from './audit/audit-record.ts';
export {
  type DropPreviousOptions,
  type DropReport,
  dropPrevious,
  type SecretOwner,
} from './fleet/drop-previous.ts';
export { fleet } from './fleet/fleet.ts';
export type { FleetOptions } from './fleet/fleet-options.ts';
export type {
  FleetInstance,
  FleetKey,
  FleetKeyHealth,
  FleetReport,
  FleetSource,
  FleetVerifierHealth,
  FleetView,
  OldKey,
} from './fleet/fleet-types.ts';
export { type WaitOptions, type WaitResult, waitUntilOldMayGo } from './fleet/wait.ts';
export { askInTerminal, type TerminalOptions } from './guided/ask-in-terminal.ts';
export type { Ask, Guide, GuidedVendor, GuideStep } from './guided/guide.ts';
export { type GuidedOptions, guided } from './guided/guided.ts';
export { type GuidedSender, guidedSenders } from './guided/senders.ts';
export { type ReadLine, terminalLines } from './guided/terminal-lines.ts';
export { fileJournal } from './journal/file-journal.ts';
export {
  type PostgresLockConnection,
  type PostgresLockOptions,
  postgresLock,
} from './journal/postgres-lock.ts';
export { type RedisLockClient, type RedisLockOptions, redisLock } from './journal/redis-lock.ts';
export type { JournalEndpoints, JournalEntry, LockSource, RotationJournal, RotationLock } from './journal.ts';
export { recover } from './recover/recover.ts';
export type { ReceiverFunction, RecoverOptions } from './recover/recover-options.ts';
export {
  isRecoveryError,
  RecoveryError,
  type RecoveryErrorCode,
  type RecoveryErrorOptions,
  type RecoveryProgress,
} from './recover/recovery-error.ts';
export type {
  FailedDelivery,
  RecoveryPlan,
  RecoveryReport,
  RecoveryStep,
} from './recover/recovery-report.ts';
export type {
  MissedDelivery,
  RecoveryVendor,
  RecoveryWindow,
  SignedRequest,
} from './recover/recovery-vendor.ts';
export type { SenderApi, SessionAnswer, VendorSession } from './recover/vendor-session.ts';
export type { GithubSourceOptions } from './recover/vendors/github.ts';
export { recoverable } from './recover/vendors/index.ts';
export type { ResendSourceOptions } from './recover/vendors/resend.ts';
export type { Credential, RecoverableOptions } from './recover/vendors/source-options.ts';
export type { StripeSourceOptions } from './recover/vendors/stripe.ts';
export type { SvixSourceOptions } from './recover/vendors/svix.ts';
export type {
  ReplacedEndpoints,
  RotationCheck,
  RotationOrder,
  RotationPlan,
  RotationReport,
  RotationStep,
  RotationStepName,
} from './report.ts';
export { rotate } from './rotate.ts';
export type { InstanceHealth, RotateOptions } from './rotate-options.ts';
export {
  isRotationError,
  RotationError,
  type RotationErrorCode,
  type RotationErrorOptions,
  type SecretState,
} from './rotation-error.ts';
export type { RotationTarget } from './target.ts';
export { type AwsSecretsClient, awsTarget } from './targets/aws-target.ts';
export { fileTarget } from './targets/file-target.ts';
export { type VaultClient, vaultTarget } from './targets/vault-target.ts';
export {
  type EndpointCalls,
  type ReplaceVendor,
  type RotationVendor,
  type VendorAnswer,
  type VendorBase,
  type VendorCall,
  type VendorEffect,
  type VendorEndpoint,
  VendorError,
  type VendorErrorOptions,
  type VendorTest,
} from './vendor.ts';
export type { AdaOptions } from './vendors/ada.ts';
export type { AgentMessageOptions } from './vendors/agent-message.ts';
export type { AnchorBrowserOptions } from './vendors/anchor-browser.ts';
export type { VendorApiOptions } from './vendors/api-options.ts';
export type { GithubOptions } from './vendors/github.ts';
export type { GitlabOptions } from './vendors/gitlab.ts';
export type { Fetch } from './vendors/http.ts';
export { vendors } from './vendors/index.ts';
export type { LangsmithOptions } from './vendors/langsmith.ts';
export type { LemonSqueezyOptions } from './vendors/lemon-squeezy.ts';
export type { LinearOptions } from './vendors/linear.ts';
export type { NylasOptions } from './vendors/nylas.ts';
export type { OpenaiOptions } from './vendors/openai.ts';
export type { PolyaiOptions } from './vendors/polyai.ts';
export type { ResendOptions } from './vendors/resend.ts';
export type { StripeOptions } from './vendors/stripe.ts';
export type { SvixOptions } from './vendors/svix.ts';
export type { WooCommerceOptions } from './vendors/woocommerce.ts';
