export type { LimitedFetch, LimitedRequest } from '../remote/limited-fetch.ts';
export { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';
export { fal, falKeys } from './fal.ts';
export { type FusionAuthOptions, fusionAuth } from './fusionauth.ts';
export { type GooglePubSubOptions, googleKeys, googlePubSub } from './google-pubsub.ts';
export { type JwksSecretsOptions, jwksSecrets } from './jwks-secrets.ts';
export type { JwtAlgorithm, PublicAlgorithm, SecretAlgorithm } from './jwt-algorithm.ts';
export type {
  HashEncoding,
  JwtRules,
  JwtSchemeDefinition,
  PublicKeyRules,
  SharedSecretRules,
} from './jwt-definition.ts';
export { type LiveKitOptions, liveKit } from './livekit.ts';
export { messageBird } from './messagebird.ts';
export { netlify } from './netlify.ts';
export { type PlaidKey, type PlaidKeysOptions, plaid, plaidKeys } from './plaid.ts';
export { turnkey, turnkeyKeys } from './turnkey.ts';
export { upstashQStash } from './upstash-qstash.ts';
export { vonage } from './vonage.ts';
