import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'stripe',
    // The whole text is the key, whsec_ included: unlike in Standard Webhooks, nothing is cut off or decoded.
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        sk_: "an API key of Stripe. Paste the endpoint's signing secret, which begins with whsec_",
        rk_: "a restricted API key of Stripe. Paste the endpoint's signing secret, which begins with whsec_",
        pk_: "a publishable key of Stripe. Paste the endpoint's signing secret, which begins with whsec_",
        we_: "the id of a webhook endpoint. Paste the endpoint's signing secret, which begins with whsec_",
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      // v0, which test deliveries also contain, is ignored: accepting it would be a downgrade.
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
    eventType: { bodyField: 'type' },
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
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "Stripe's own pages were compared only through a summary of them, of 2026-09-27. Not found: the intervals between retries, and how long Stripe waits for a response.",
      sources: [
        'https://docs.stripe.com/webhooks',
        'https://docs.stripe.com/webhooks/signature',
        'github.com/stripe/stripe-node src/Webhooks.ts',
      ],
      assumptions: ['Stripe does not document how long it waits for a response.'],
      secretFrom:
        'In the dashboard under Developers, Webhooks: open the endpoint and reveal its signing secret (`whsec_…`). Each endpoint has its own, and `stripe listen` prints another one for local tests.',
      rotation:
        'The old secret expires at once or after a delay of up to 24 hours, as you choose; until then, each active secret adds a v1 entry.',
      notes: [
        "Stripe's own library accepts timestamps in the future; here they are refused if they are more than 300 s ahead.",
        'Stripe retries for three days in live mode, and three times within a few hours in a sandbox.',
      ],
    },
  }),
);

/**
 * Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>` over `{t}.{body}`.
 *
 * - Secret: the whole text, `whsec_` included.
 * - Identity: the body's `id` (`evt_…`), which is the same in every retry.
 * - Delivery: the sender retries after any failure for up to three days; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: stripe(), secrets: envSecrets('STRIPE_WEBHOOK_SECRET') })
 * ```
 */
export function stripe(): DefinedScheme {
  return scheme();
}
