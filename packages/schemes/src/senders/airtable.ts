import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'airtable',
  secret: { encoding: 'base64' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-airtable-content-mac', prefix: 'hmac-sha256=', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: {
    retries: 'any-failure',
    // 13 tries, the waits doubling from 10 s: documented as about a day.
    retrySpanSeconds: 86_400,
    timeoutSeconds: 25,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Airtable',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://airtable.com/developers/web/api/webhooks-overview'],
    assumptions: [],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'A body says that something changed, not what: fetch the payloads.',
      'Only 200 and 204 count as successes. After the last try Airtable drops the notification and sends no more until it is told to.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Airtable: `X-Airtable-Content-MAC: hmac-sha256=<hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 200 and 204 is tried again for 1 day; a bad signature is answered with 401.
 * - Secret: `macSecretBase64` of the answer that created the webhook.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: airtable(), secrets: envSecrets('AIRTABLE_MAC_SECRET') })
 * ```
 */
export function airtable(): DefinedScheme {
  return scheme;
}
