import { lazily } from '../lazily.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

const scheme = lazily(() =>
  defineJwtScheme({
    name: 'wix',
    algorithms: ['RS256'],
    token: { body: true },
    identity: { claim: 'data' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 172_800,
      // 1,250 ms.
      timeoutSeconds: 1,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: { contentType: 'text/plain', body: 'OK' },
    },
    about: {
      sender: 'Wix',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'Retries and timeout were read, too. Not found: what happens to a replaced key.',
      sources: [
        'https://dev.wix.com/docs/build-apps/develop-your-app/api-integrations/events-and-webhooks/about-webhooks',
        'https://dev.wix.com/docs/rest/articles/getting-started/webhooks',
        'https://dev.wix.com/docs/rest/articles/getting-started/webhook-resend-policy',
      ],
      assumptions: [
        'The claim "data" is the same in every try: the sender documents that a webhook that is sent again contains the data of the event.',
      ],
      rotation: 'The sender does not document what happens to the replaced key.',
      notes: [
        'The body is a token: `tokenClaims(webhook).data` is JSON with instanceId, eventType and the data of the event.',
        'Wix counts every status but 200 as a failure, and waits for 1.25 s.',
      ],
    },
  }),
);

/**
 * Wix apps: the body is a JWT with RS256 under the key that Wix made for your app. Read it with {@link tokenClaims}.
 *
 * - Time: `exp`, if the token has one.
 * - Identity: the claim `data`, which contains the event.
 * - Delivery: the sender retries after any response other than 200, for 48 hours; a bad token gets 401.
 * - Secret: the public key of your app, PEM, from the webhooks page of Wix.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: wix(), secrets: fileSecrets('/run/secrets/wix.pem') })
 * ```
 */
export function wix(): JwtScheme {
  return scheme();
}
