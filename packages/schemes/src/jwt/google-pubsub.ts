import type { SecretProvider } from '@countersign/core';
import { checkKeys, configError } from '@countersign/core/extend';
import type { LimitedFetch } from '../remote/limited-fetch.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';
import { jwksSecrets } from './jwks-secrets.ts';

/** Options of {@link googlePubSub}. */
export interface GooglePubSubOptions {
  /** The audience of the push subscription. If none was set there, it is the subscription's URL. */
  readonly audience: string;
  /** The service account of the push subscription. */
  readonly serviceAccountEmail: string;
}

/**
 * Google Cloud Pub/Sub, authenticated push: `Authorization: Bearer <JWT>`, RS256. The token identifies the sender but does not
 * cover the body: `webhook.bodyAuthenticated` is `false`, and an attacker who sees one request can send others for an hour. Its
 * keys come from {@link googleKeys}.
 *
 * - Time: `iat` and `exp`. A token is used for up to an hour, for many messages.
 * - Identity: the body's bytes, which are not signed.
 * - Delivery: retried after everything except a success for as long as Google keeps the message, seven days by default; a bad
 *   token gets 401.
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
        '"audience" and "serviceAccountEmail" of googlePubSub() are required, because Google signs for every customer.',
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
      testedWith: 'sender-library',
      library: 'google-auth-library',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions',
        'https://cloud.google.com/pubsub/docs/push',
      ],
      assumptions: [
        'Google keeps the message for seven days, and the deadline is 10 s: both are settings of the subscription.',
      ],
      rotation: 'Google publishes the next key before it signs with it.',
      notes: [
        'The body is not signed. The id of the message in the body is the same in every retry: use it with `deliveryKey`.',
        'Pub/Sub takes 102, 200, 201, 202 and 204 for a success. The acknowledgement deadline of the subscription is how long it waits: 10 s by default, at most 600 s.',
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
