import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'modern-treasury',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: { deliveryId: 'x-webhook-id', topic: 'x-topic' },
    eventType: { bodyField: 'event' },
    delivery: {
      retries: 'any-failure',
      timeoutSeconds: 5,
      idStableOverRetries: true,
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Modern Treasury',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: 'modern-treasury',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Retries, timeout and the replacement of the key were read, too. Not found: for how long Modern Treasury retries.',
      sources: [
        'https://docs.moderntreasury.com/platform/reference/webhooks',
        'https://docs.moderntreasury.com/platform/docs/webhook-endpoint-best-practices',
        'github.com/Modern-Treasury/modern-treasury-node src/resources/webhooks.ts',
      ],
      assumptions: ['The sender does not document for how long it retries: 24 hours are assumed.'],
      rotation: 'Modern Treasury replaces the key on request, at a time that it agrees with you.',
      notes: [
        'X-Webhook-ID is not signed: it is a label.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Modern Treasury: `X-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: modernTreasury(), secrets: envSecrets('MODERN_TREASURY_SECRET') })
 * ```
 */
export function modernTreasury(): DefinedScheme<'deliveryId' | 'topic'> {
  return scheme();
}
