export type { KeysByIdOptions } from '../remote/keys-by-id.ts';
export type { LimitedFetch, LimitedRequest } from '../remote/limited-fetch.ts';
export { type CircleKey, circle, circleKeys } from './circle.ts';
export { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';
export type { DetachedJws, DetachedJwsScheme } from './detached-jws.ts';
export { type EbayKey, type EbayOptions, ebay, ebayKeys } from './ebay.ts';
export { fal, falKeys } from './fal.ts';
export { fireblocks, fireblocksKeys } from './fireblocks.ts';
export { type FusionAuthOptions, fusionAuth } from './fusionauth.ts';
export { type GoogleChatOptions, googleChat, googleChatKeys } from './google-chat.ts';
export { type GooglePubSubOptions, googleKeys, googlePubSub } from './google-pubsub.ts';
export { type JiraConnectOptions, jiraConnect } from './jira-connect.ts';
export { type JwksSecretsOptions, jwksSecrets } from './jwks-secrets.ts';
export type { JwtAlgorithm, PublicAlgorithm, SecretAlgorithm } from './jwt-algorithm.ts';
export type {
  HashEncoding,
  JwtRules,
  JwtSchemeDefinition,
  PublicKeyRules,
  SharedSecretRules,
} from './jwt-definition.ts';
export { kinde, kindeKeys } from './kinde.ts';
export { type LiveKitOptions, liveKit } from './livekit.ts';
export { messageBird } from './messagebird.ts';
export { type MondayOptions, monday } from './monday.ts';
export { netlify } from './netlify.ts';
export { type PlaidKey, type PlaidKeysOptions, plaid, plaidKeys } from './plaid.ts';
export { tokenClaims } from './token-claims.ts';
export { trueLayer, trueLayerKeys } from './truelayer.ts';
export { turnkey, turnkeyKeys } from './turnkey.ts';
export { upstashQStash } from './upstash-qstash.ts';
export { vonage } from './vonage.ts';
export { wix } from './wix.ts';
