import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'box',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      // One header for each key; either may match.
      signature: { header: ['box-signature-primary', 'box-signature-secondary'], encoding: 'base64' },
      timestamp: { header: 'box-delivery-timestamp', unit: 'iso' },
      requiredHeaders: { 'box-signature-version': '1', 'box-signature-algorithm': 'HmacSHA256' },
      content: '{body}{timestamp}',
    },
    identity: { bodyField: 'id' },
    tolerance: { past: 600, future: 600 },
    unsignedHeaders: { deliveryId: 'box-delivery-id' },
    eventType: { bodyField: 'trigger' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 7200,
      timeoutSeconds: 30,
      idStableOverRetries: true,
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Box',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://developer.box.com/guides/webhooks/v2/signatures-v2/',
        'https://developer.box.com/guides/webhooks/v2',
        'github.com/box/box-node-sdk src/managers/webhooks.generated.ts',
        'github.com/box/developer.box.com content/guides/webhooks/v2/index.md and signatures-v2.md',
      ],
      assumptions: [
        "Timestamps more than 600 s in the future are refused, too: Box's library accepts any.",
        "A retry has a new timestamp: Box's library accepts 600 s only, although retries go on for two hours.",
      ],
      secretFrom:
        'In the Developer Console under Webhooks, Manage signature keys: the primary and the secondary key.',
      rotation: 'Two keys, primary and secondary, sign at the same time. Replace one, then the other.',
      notes: ['Box retries up to 12 times within two hours, and says that these numbers may change.'],
    },
  }),
);

/**
 * Box: `BOX-SIGNATURE-PRIMARY: <base64>` and `-SECONDARY` over `{body}{BOX-DELIVERY-TIMESTAMP}`.
 *
 * - Identity: the body's `id`, which is the same in every retry; `BOX-DELIVERY-ID` is not.
 * - Delivery: the sender retries after any response other than 2xx, for 2 hours; a bad signature gets 401.
 * - Secret: both keys, as two `current` secrets or as `current` and `previous`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: box(), secrets: envSecrets('BOX_SECRET') })
 * ```
 */
export function box(): DefinedScheme<'deliveryId'> {
  return scheme();
}
