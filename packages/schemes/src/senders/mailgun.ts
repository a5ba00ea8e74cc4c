import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'mailgun',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { field: 'signature.signature', encoding: 'hex' },
    content: '{field:signature.timestamp}{field:signature.token}',
    safeBecause:
      'The time must be within its window, which leaves one way to cut the two: ten digits of it are the time, the rest is the token.',
  },
  identity: 'content',
  bodyTimestamp: { field: 'signature.timestamp', unit: 's', past: 32_400, future: 300 },
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
    sources: [
      'https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks',
      'github.com/mailgun/mailgun-php src/Api/Webhook.php',
    ],
    assumptions: [
      'A retry may keep its timestamp and token, so they are taken for as long as Mailgun tries. Its documentation says nothing of it.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'The token counts once: the same one again is a duplicate.',
      '406 is final at Mailgun: it is never answered.',
      'Routes, which post forms, are signed alike in form fields: not this scheme.',
    ],
  },
});

/**
 * Mailgun: `signature.signature` in the body, over `signature.timestamp` and `signature.token`. The rest of the body is not signed.
 *
 * - Identity: everything that is signed: `signature.timestamp` and `signature.token`.
 * - Delivery: any answer but 2xx is tried again for 8 hours; a bad signature is answered with 401.
 * - `webhook.bodyAuthenticated` is `false`: whoever sees one delivery can send another body with its signature, once. Fetch the event where it matters.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: mailgun(), secrets: envSecrets('MAILGUN_SIGNING_KEY') })
 * ```
 */
export function mailgun(): DefinedScheme {
  return scheme;
}
