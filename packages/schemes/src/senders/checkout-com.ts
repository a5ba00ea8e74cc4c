import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import { ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'checkout-com',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('cko-signature'),
    identity: { bodyField: 'id' },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 108_000,
      timeoutSeconds: 10,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Checkout.com',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://www.checkout.com/docs/workflows',
        'https://www.checkout.com/docs/business-operations/use-the-dashboard/developers/webhooks',
      ],
      assumptions: [
        "The body's id is the same in every try: the sender documents only that it identifies the event.",
      ],
      rotation: ROTATION_UNDOCUMENTED,
      notes: ['The header Authorization, which you may set as well, is not checked.'],
    },
  }),
);

/**
 * Checkout.com: `Cko-Signature: <hex>` over the body, under the signature key of the workflow.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender retries after any response other than 2xx, eight times within 30 hours; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: checkoutCom(), secrets: envSecrets('CHECKOUT_SIGNATURE_KEY') })
 * ```
 */
export function checkoutCom(): DefinedScheme {
  return scheme();
}
