import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'mailgun',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { field: 'signature.signature', encoding: 'hex' },
      content: '{field:signature.timestamp}{field:signature.token}',
      safeBecause:
        'The time must be within the tolerance, so there is only one way to split the two: the first ten digits are the time, the rest is the token.',
    },
    identity: 'content',
    bodyTimestamp: { field: 'signature.timestamp', unit: 's', past: 32_400, future: 300 },
    eventType: { bodyField: 'event-data.event' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 29_100,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Mailgun',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'Retries were read, too. Not found: what happens to a replaced secret.',
      sources: [
        'https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks',
        'github.com/mailgun/mailgun-php src/Api/Webhook.php',
      ],
      assumptions: [
        'A retry may repeat its timestamp and token, so they are accepted for as long as Mailgun retries. The documentation does not say whether it does.',
      ],
      secretFrom:
        'In the account settings under API security: the HTTP webhook signing key, which is not an API key.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Each token is accepted once: the same token again is a duplicate.',
        'For Mailgun a 406 is final, so Countersign never responds with it.',
        'Routes post forms with the signature in form fields: mailgunRoutes() is for them.',
      ],
    },
  }),
);

/**
 * Mailgun: `signature.signature` in the body, over `signature.timestamp` and `signature.token`. The rest of the body is not
 * signed.
 *
 * - Identity: everything that is signed: `signature.timestamp` and `signature.token`.
 * - Delivery: the sender retries after any response other than 2xx, for 8 hours; a bad signature gets 401.
 * - `webhook.bodyAuthenticated` is `false`: an attacker who sees one delivery can send another body with its signature, once.
 *   Fetch the event if that matters.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: mailgun(), secrets: envSecrets('MAILGUN_SIGNING_KEY') })
 * ```
 */
export function mailgun(): DefinedScheme {
  return scheme();
}
