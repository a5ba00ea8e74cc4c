export type { RecoverableApiFaults } from './api.ts';
export { isDelivered, type RecoverableEvent } from './deliveries.ts';
export { type GithubOptions, simulateGithub } from './github.ts';
export type { RecoverableSender, RecoverableSenderOptions } from './recoverable-sender.ts';
export { type StripeOptions, simulateStripe } from './stripe.ts';
export { type SvixOptions, type SvixSigner, simulateResend, simulateSvix } from './svix.ts';
