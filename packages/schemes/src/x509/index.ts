export type { LimitedFetch, LimitedRequest } from '../remote/limited-fetch.ts';
export {
  type AppStoreNotification,
  type AppStoreOptions,
  appStore,
  appStoreNotification,
  type TrustedRoot,
} from './app-store.ts';
export { type AwsSnsOptions, awsSns } from './aws-sns.ts';
export type { CertifiedKey } from './certificate.ts';
export type { CertificateScheme } from './certificate-scheme.ts';
export { type CertificateSecretsOptions, certificateSecrets } from './certificate-secrets.ts';
export { type PayPalOptions, payPal } from './paypal.ts';
export { type SnsMessage, snsMessage } from './sns-message.ts';
