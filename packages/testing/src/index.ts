export {
  type AdapterCasesOptions,
  type AdapterLimit,
  type AdapterMount,
  type AdapterSetup,
  adapterCases,
  type MountedAdapter,
  type RequestWithHeaders,
  type RouteAction,
  type RouteInput,
} from './adapter-cases/index.ts';
export { type ManualClock, manualClock } from './manual-clock.ts';
export { type ReceivedWebhookInput, receivedWebhook } from './received-webhook.ts';
export { type ReplayStoreTarget, replayStoreCases } from './replay-store-cases.ts';
export {
  type SecretProviderCasesOptions,
  type SecretProviderTarget,
  type SourceFault,
  type SourceLimit,
  secretProviderCases,
} from './secret-provider-cases.ts';
export { type SignedRequest, type SignInput, sign, tamper } from './sign.ts';
export { generateSigningKeys, type SigningKeys } from './signing/signing-key.ts';
