import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'razorpay',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-razorpay-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  unsignedHeaders: { eventId: 'x-razorpay-event-id' },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 86_400,
    timeoutSeconds: 5,
    idStableOverRetries: true,
    retrySignature: 'repeated',
  },
  about: {
    sender: 'Razorpay',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://razorpay.com/docs/webhooks/validate-test/',
      'https://razorpay.com/docs/webhooks/best-practices',
      'https://razorpay.com/docs/webhooks/faqs',
      'github.com/razorpay/razorpay-node lib/utils/razorpay-utils.js',
    ],
    assumptions: [],
    rotation:
      'The new secret signs events from then on, the old one what is tried again of those before: keep it as `previous` for 24 hours.',
    notes: [
      'x-razorpay-event-id is the same in every retry, but not signed: it is a label.',
      'A webhook that fails for 24 hours is disabled.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Razorpay: `X-Razorpay-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again for 1 day; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: razorpay(), secrets: envSecrets('RAZORPAY_SECRET') })
 * ```
 */
export function razorpay(): DefinedScheme {
  return scheme;
}
