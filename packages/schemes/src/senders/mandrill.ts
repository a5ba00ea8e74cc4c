import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'mandrill',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha1' },
    signature: { header: 'x-mandrill-signature', encoding: 'base64' },
    parts: { form: { sorted: 'form', pair: '{name}{value}' } },
    content: '{url}{form}',
    safeBecause:
      'Names and values of the form are signed in a row: text can be moved between them, but stays one delivery and runs once. Where the URL ends is tested with each request; if the request adds a query to `publicUrl`, `webhook.bodyAuthenticated` is `false`.',
  },
  identity: 'content',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Mandrill',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/'],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'The form field mandrill_events holds the events as JSON.',
      'The test while a webhook is made, a HEAD and a POST under the key test-webhook, is refused: make the webhook first, then take its key.',
    ],
  },
});

/**
 * Mandrill (Mailchimp Transactional): `X-Mandrill-Signature: <base64>`, HMAC-SHA1 of the address and the sorted form.
 *
 * - Identity: everything that is signed but the time.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 * - Needs `publicUrl`: the address that Mandrill was given.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: mandrill(), secrets: envSecrets('MANDRILL_WEBHOOK_KEY') })
 * ```
 */
export function mandrill(): DefinedScheme {
  return scheme;
}
