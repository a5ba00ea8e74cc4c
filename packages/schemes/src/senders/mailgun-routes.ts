import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONLY_200, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'mailgun-routes',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { formField: 'signature', encoding: 'hex' },
      content: '{formField:timestamp}{formField:token}',
      safeBecause:
        'The time must be within the tolerance, so there is only one way to split the two: the first ten digits are the time, the rest is the token.',
    },
    multipartForm: true,
    identity: 'content',
    bodyTimestamp: { formField: 'timestamp', unit: 's', past: 32_400, future: 300 },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 29_100,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      // Mailgun sends messages of up to 25 MiB.
      maxBodyBytes: 26_214_400,
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Mailgun (routes)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store',
        'github.com/mailgun/mailgun-php tests/Api/WebhookTest.php',
      ],
      assumptions: [
        'A retry may repeat its timestamp and token, so they are accepted for as long as Mailgun retries. The documentation does not say whether it does.',
        'Routes are retried as webhooks are: within 8 hours, after everything except 200 and 406.',
      ],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'Each token is accepted once: the same token again is a duplicate.',
        'A message with attachments is a multipart form, any other is a form: both are read.',
        'For Mailgun a 406 is final, so Countersign never responds with it.',
      ],
    },
  }),
);

/**
 * Mailgun routes (forwarded and stored messages): the form field `signature`, in hex, over the fields `timestamp` and `token`. The
 * message itself is not signed.
 *
 * - Identity: everything that is signed: `timestamp` and `token`.
 * - Delivery: the sender retries after any response other than 200, for 8 hours; a bad signature gets 401.
 * - `webhook.bodyAuthenticated` is `false`: an attacker who sees one delivery can send another message with its signature, once.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: mailgunRoutes(), secrets: envSecrets('MAILGUN_SIGNING_KEY') })
 * ```
 */
export function mailgunRoutes(): DefinedScheme {
  return scheme();
}
