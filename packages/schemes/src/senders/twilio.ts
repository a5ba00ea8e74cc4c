import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'twilio',
  secret: { encoding: 'utf8' },
  signed: [
    {
      algorithm: { hmac: 'sha1' },
      signature: { header: 'x-twilio-signature', encoding: 'base64' },
      when: { query: { bodySHA256: true } },
      bodyDigest: { query: 'bodySHA256', hash: 'sha256', encoding: 'hex' },
      url: { variants: 'port' },
      content: '{url}',
    },
    {
      algorithm: { hmac: 'sha1' },
      signature: { header: 'x-twilio-signature', encoding: 'base64' },
      parts: { form: { sorted: 'form', pair: '{name}{value}', unique: true } },
      url: { variants: 'port' },
      content: '{url}{form}',
      safeBecause:
        'Names and values of the form are signed in a row: text can be moved between them, but stays one delivery and runs once. Where the URL ends is tested with each request; if the request adds a query to `publicUrl`, `webhook.bodyAuthenticated` is `false`.',
    },
  ],
  identity: 'content',
  unsignedHeaders: { idempotencyToken: 'i-twilio-idempotency-token' },
  delivery: {
    retries: 'never',
    timeoutSeconds: 15,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Twilio',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://www.twilio.com/docs/usage/security',
      'https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides',
      'github.com/twilio/twilio-node src/webhooks/webhooks.ts',
    ],
    assumptions: [
      'Answers are not tried again unless connection overrides (#rp=) in the address ask for it.',
    ],
    rotation: 'A secondary auth token is made, then promoted: give both, the primary one as `current`.',
    notes: [
      'No time is signed: a captured request is refused only for as long as it is remembered.',
      'Twilio signs the address with or without its port, whatever it was given: both are tried.',
      'Of a form, names and values are signed in a row, without what separates them: whoever captures a delivery could cut it up differently. It is the same delivery then, and runs once.',
    ],
  },
});

/**
 * Twilio: `X-Twilio-Signature: <base64>`, HMAC-SHA1 of the address and the sorted form; of a JSON body, of the address with its digest.
 *
 * - Identity: everything that is signed but the time.
 * - Delivery: nothing is tried again; a bad signature is answered with 401.
 * - Needs `publicUrl`: the address that Twilio was given.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: twilio(), secrets: envSecrets('TWILIO_AUTH_TOKEN') })
 * ```
 */
export function twilio(): DefinedScheme {
  return scheme;
}
