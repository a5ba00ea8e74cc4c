export { fileJournal } from './journal/file-journal.ts';
export {
  type PostgresLockConnection,
  type PostgresLockOptions,
  postgresLock,
} from './journal/postgres-lock.ts';
export { type RedisLockClient, type RedisLockOptions, redisLock } from './journal/redis-lock.ts';
export type { JournalEntry, LockSource, RotationJournal, RotationLock } from './journal.ts';
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
  type RotationVendor,
  type VendorAnswer,
  type VendorCall,
  type VendorEffect,
  VendorError,
  type VendorTest,
} from './vendor.ts';
export type { AdaOptions } from './vendors/ada.ts';
export type { AgentMessageOptions } from './vendors/agent-message.ts';
export type { AnchorBrowserOptions } from './vendors/anchor-browser.ts';
export type { VendorApiOptions } from './vendors/api-options.ts';
export type { Fetch } from './vendors/http.ts';
export { vendors } from './vendors/index.ts';
export type { LangsmithOptions } from './vendors/langsmith.ts';
export type { PolyaiOptions } from './vendors/polyai.ts';
