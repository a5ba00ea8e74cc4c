import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'paystack',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha512' },
    signature: { header: 'x-paystack-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 259_920,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
    acknowledgement: { contentType: 'text/plain', body: 'OK' },
  },
  about: {
    sender: 'Paystack',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: [
      'https://paystack.com/docs/payments/webhooks/',
      'github.com/PaystackOSS/doc-code-snippets dist/doc/payments/webhooks/verifying-transaction.js',
    ],
    assumptions: [],
    rotation: 'What becomes of the replaced secret key, and when, is not documented.',
    notes: [
      'Only 200 counts as received: where the handler answers by itself, it must not say 204.',
      'Four tries come 3 minutes apart, then one every hour for 72 hours; in test mode, one every hour for 10 hours.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Paystack: `x-paystack-signature: <hex>`, HMAC-SHA512 over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 200 is tried again for 3 days; a bad signature is answered with 401.
 * - Secret: the secret key of the API (`sk_live_…`), of the mode that sends; there is none for webhooks alone.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: paystack(), secrets: envSecrets('PAYSTACK_SECRET_KEY') })
 * ```
 */
export function paystack(): DefinedScheme {
  return scheme;
}
