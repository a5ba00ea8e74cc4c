import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'deel',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-deel-signature', encoding: 'hex' },
    content: 'POST{body}',
  },
  identity: 'body',
  unsignedHeaders: { keyLabel: 'x-deel-hmac-label', version: 'x-deel-webhook-version' },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 120_060,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Deel',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://developer.deel.com/docs/webhooks-get-started'],
    assumptions: [
      'A retry has the same body: its timestamp is documented as the time at which the webhook was created.',
      'The hex is in lower case: documented are the functions that write it so.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
      "The body's data.meta.event_type_id is documented as the id of one event, and called like that of its type: it is not relied on.",
      'Ten failed tries disable the webhook.',
    ],
  },
});

/**
 * Deel: `x-deel-signature: <hex>` over the word `POST` and the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again for 33 hours; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: deel(), secrets: envSecrets('DEEL_SIGNING_KEY') })
 * ```
 */
export function deel(): DefinedScheme {
  return scheme;
}
