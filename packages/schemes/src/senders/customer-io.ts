import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'customer-io',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-cio-signature', encoding: 'hex' },
    timestamp: { header: 'x-cio-timestamp', unit: 's' },
    content: 'v0:{timestamp}:{body}',
  },
  identity: { bodyField: 'event_id' },
  tolerance: { past: 300, future: 300 },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 604_800,
    timeoutSeconds: 4,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Customer.io',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://docs.customer.io/journeys/webhooks/', 'https://docs.customer.io/api/webhooks/'],
    assumptions: [
      "The body's event_id is the same in every retry: documented is that it identifies the event.",
      'Tolerance is 300 s both ways: none is documented.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Deliveries wait behind one that fails, until it succeeds or its seven days are over: alarm on refusals.',
    ],
  },
});

/**
 * Customer.io reporting webhooks: `X-CIO-Signature: <hex>` over `v0:{X-CIO-Timestamp}:{body}`.
 *
 * - Identity: the body's `event_id`.
 * - Delivery: any answer but 2xx is tried again for 7 days, and holds back those behind it; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: customerIo(), secrets: envSecrets('CUSTOMERIO_WEBHOOK_KEY') })
 * ```
 */
export function customerIo(): DefinedScheme {
  return scheme;
}
