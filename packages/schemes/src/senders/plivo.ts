import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'plivo',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha1' },
    signature: { header: 'x-plivo-signature', encoding: 'base64' },
    parts: { form: { sorted: 'form', pair: '{name}{value}' } },
    content: '{url}{form}',
    safeBecause:
      'Names and values of the form are signed in a row: text can be moved between them, but stays one delivery and runs once. Where the URL ends is tested with each request; if the request adds a query to `publicUrl`, `webhook.bodyAuthenticated` is `false`.',
  },
  identity: 'content',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Plivo',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://www.plivo.com/docs/voice/concepts/signature-validation',
      'github.com/plivo/plivo-node lib/utils/security.js',
    ],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      "V1 is the one of Plivo's three signatures that a definition can verify and that covers the parameters. V2 leaves them out: plivoV2(). V3 is put together differently for GET and POST, and is not supported.",
    ],
  },
});

/**
 * Plivo, V1: `X-Plivo-Signature: <base64>`, HMAC-SHA1 of the address and the sorted form.
 *
 * - Identity: everything that is signed but the time.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 * - Needs `publicUrl`: the address that Plivo was given.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: plivo(), secrets: envSecrets('PLIVO_AUTH_TOKEN') })
 * ```
 */
export function plivo(): DefinedScheme {
  return scheme;
}
