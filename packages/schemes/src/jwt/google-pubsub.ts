import type { SecretProvider } from '@countersign/core';
import { checkKeys, configError } from '@countersign/core/extend';
import type { LimitedFetch } from '../remote/limited-fetch.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';
import { jwksSecrets } from './jwks-secrets.ts';

/** Options of {@link googlePubSub}. */
export interface GooglePubSubOptions {
  /** The audience of the push subscription. Unless it was set there, its address. */
  readonly audience: string;
  /** The service account that the push subscription was given. */
  readonly serviceAccountEmail: string;
}

/**
 * Google Cloud Pub/Sub, authenticated push: `Authorization: Bearer <JWT>`, RS256. It proves who sends and says nothing of what is sent:
 * `webhook.bodyAuthenticated` is `false`, and whoever sees one request can send others for an hour. Its keys come from
 * {@link googleKeys}.
 *
 * - Time: `iat` and `exp`. A token is used for up to an hour, for many messages.
 * - Identity: the body's bytes, which are not signed either.
 * - Delivery: tried again after anything but success while the message is kept, seven days by default; a bad token is answered with 401.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const scheme = googlePubSub({
 *   audience: 'https://example.com/hooks/pubsub',
 *   serviceAccountEmail: 'push@acme.iam.gserviceaccount.com',
 * })
 * const verifier = createVerifier({
 *   scheme,
 *   secrets: googleKeys(),
 *   deliveryKey: (webhook) => webhook.json<{ message: { messageId: string } }>().message.messageId,
 * })
 * ```
 */
export function googlePubSub(options: GooglePubSubOptions): JwtScheme {
  options = checkKeys('googlePubSub()', options, ['audience', 'serviceAccountEmail']);
  const { audience, serviceAccountEmail: email } = options;
  for (const value of [audience, email]) {
    if (typeof value !== 'string' || value === '')
      throw configError(
        'googlePubSub() wants "audience" and "serviceAccountEmail": Google signs for everybody.',
      );
  }
  return defineJwtScheme({
    name: 'google-pubsub',
    algorithms: ['RS256'],
    token: { header: 'authorization', prefix: 'Bearer ' },
    issuer: ['https://accounts.google.com', 'accounts.google.com'],
    audience,
    claims: { email, email_verified: true },
    required: ['exp'],
    time: 'iat',
    tolerance: { past: 3900, future: 300 },
    identity: 'body',
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 604_800,
      timeoutSeconds: 10,
      idStableOverRetries: true,
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Google Cloud Pub/Sub (push)',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      sources: ['https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions'],
      assumptions: [
        'The message is kept for seven days, and the deadline is 10 s: both are set at the subscription.',
      ],
      rotation: 'Google publishes the next key ahead.',
      notes: [
        'The body is not signed. The id of a message in it is the same in every retry: `deliveryKey` can use it.',
      ],
    },
  });
}

/**
 * The keys of Google's identity tokens, for {@link googlePubSub}.
 *
 * @param options.fetch Default: `globalThis.fetch`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * createVerifier({ scheme: googlePubSub({ audience, serviceAccountEmail }), secrets: googleKeys() })
 * ```
 */
export function googleKeys(options: { readonly fetch?: LimitedFetch } = {}): SecretProvider {
  options = checkKeys('googleKeys()', options, ['fetch']);
  return jwksSecrets('https://www.googleapis.com/oauth2/v3/certs', { ...options, algorithms: ['RS256'] });
}
