import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'squarespace',
    secret: { encoding: 'hex' },
    signed: bodyHmac('squarespace-signature'),
    identity: { bodyField: 'id' },
    eventType: { bodyField: 'topic' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 172_800,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Squarespace',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://developers.squarespace.com/webhooks/verifying-notifications',
        'https://developers.squarespace.com/webhooks/overview',
        'https://developers.squarespace.com/commerce-apis/webhooks/notification-delivery',
      ],
      assumptions: [
        "The body's id is the same in every try: the sender documents only that it tells duplicates apart.",
      ],
      rotation:
        'The API has a call that replaces the secret of a subscription. The sender does not document what happens to deliveries that are under way.',
      notes: ['Squarespace may delete a subscription after several failures.'],
    },
  }),
);

/**
 * Squarespace: `Squarespace-Signature: <hex>` over the body, under the secret decoded from hex.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender retries after any response other than 2xx, for 48 hours; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: squarespace(), secrets: envSecrets('SQUARESPACE_WEBHOOK_SECRET') })
 * ```
 */
export function squarespace(): DefinedScheme {
  return scheme();
}
