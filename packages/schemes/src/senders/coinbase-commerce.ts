import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'coinbase-commerce',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-cc-webhook-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: { bodyField: 'event.id' },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 259_200,
    idStableOverRetries: 'unknown',
    retrySignature: 'renewed',
    acknowledgement: { contentType: 'text/plain', body: 'OK' },
  },
  about: {
    sender: 'Coinbase Commerce',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://docs.cdp.coinbase.com/commerce-onchain/docs/webhooks-security',
      'https://docs.cloud.coinbase.com/commerce/docs/webhooks-fields-and-security',
      'github.com/coinbase/coinbase-commerce-node lib/Webhook.js',
    ],
    assumptions: [
      "The body's event.id is the same in every retry: documented is that the body around it counts the attempts.",
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Only 200 is documented as received: where the handler answers by itself, it should not say 204.',
    ],
  },
});

/**
 * Coinbase Commerce: `X-CC-Webhook-Signature: <hex>` over the body.
 *
 * - Identity: the body's `event.id`.
 * - Delivery: any answer but 200 is tried again for 3 days; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: coinbaseCommerce(), secrets: envSecrets('COINBASE_COMMERCE_SECRET') })
 * ```
 */
export function coinbaseCommerce(): DefinedScheme {
  return scheme;
}
