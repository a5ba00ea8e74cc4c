import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
    eventType: { bodyField: 'metric' },
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
      retryRules: 'documented',
      sources: ['https://docs.customer.io/journeys/webhooks/', 'https://docs.customer.io/api/webhooks/'],
      assumptions: [
        "The body's event_id is the same in every retry: the documentation says only that it identifies the event.",
        'The sender documents no tolerance: 300 s each way are assumed.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'A delivery that fails holds back all later ones until it succeeds or its seven days are over. Set an alarm on refusals.',
      ],
    },
  }),
);

/**
 * Customer.io reporting webhooks: `X-CIO-Signature: <hex>` over `v0:{X-CIO-Timestamp}:{body}`.
 *
 * - Identity: the body's `event_id`.
 * - Delivery: the sender retries after any response other than 2xx, for 7 days, and a failed delivery holds back later ones; a
 *   bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: customerIo(), secrets: envSecrets('CUSTOMERIO_WEBHOOK_KEY') })
 * ```
 */
export function customerIo(): DefinedScheme {
  return scheme();
}
