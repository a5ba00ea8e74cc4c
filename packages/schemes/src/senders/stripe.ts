import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'stripe',
  // Verbatim, whsec_ included: unlike at Standard Webhooks, nothing is cut off and nothing decoded.
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    // v0, which test deliveries carry as well, is passed over: accepting it would be a downgrade.
    signature: {
      header: 'stripe-signature',
      list: { separator: ',', assign: '=', label: 'v1' },
      encoding: 'hex',
    },
    timestamp: { entry: 't', unit: 's' },
    content: '{timestamp}.{body}',
  },
  identity: { bodyField: 'id' },
  tolerance: { past: 300, future: 300 },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 259_200,
    idStableOverRetries: true,
    retrySignature: 'renewed',
  },
  about: {
    sender: 'Stripe',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://docs.stripe.com/webhooks',
      'https://docs.stripe.com/webhooks/signature',
      'github.com/stripe/stripe-node src/Webhooks.ts',
    ],
    assumptions: ['How long Stripe waits for an answer is not documented.'],
    rotation:
      'The old secret expires at once or after a delay of up to 24 hours, as chosen; until then each live secret adds a v1 entry.',
    notes: [
      "Stripe's own library accepts times in the future; here they are refused beyond 300 s.",
      'Retries go on for three days in live mode, and for three attempts in a sandbox.',
    ],
  },
});

/**
 * Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>` over `{t}.{body}`.
 *
 * - Secret: the whole text, `whsec_` included.
 * - Identity: the body's `id` (`evt_…`), which is the same in every retry.
 * - Delivery: any failure is tried again for up to three days; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: stripe(), secrets: envSecrets('STRIPE_WEBHOOK_SECRET') })
 * ```
 */
export function stripe(): DefinedScheme {
  return scheme;
}
