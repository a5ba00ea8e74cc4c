import { type DefinedScheme, defineScheme } from '@countersign/core';
import { bodyHmac } from './hmac-rules.ts';
import { RETRIES_UNDOCUMENTED, UNDOCUMENTED } from './shared-facts.ts';

const scheme = defineScheme({
  name: 'squarespace',
  secret: { encoding: 'hex' },
  signed: bodyHmac('squarespace-signature'),
  identity: { bodyField: 'id' },
  delivery: UNDOCUMENTED,
  about: {
    sender: 'Squarespace',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: [
      'https://developers.squarespace.com/webhooks/verifying-notifications',
      'https://developers.squarespace.com/webhooks/overview',
    ],
    assumptions: [
      "The body's id is the same in every try: the sender documents only that it identifies the notification.",
      RETRIES_UNDOCUMENTED,
    ],
    rotation:
      'The API has a call that replaces the secret of a subscription. The sender does not document what happens to deliveries that are under way.',
  },
});

/**
 * Squarespace: `Squarespace-Signature: <hex>` over the body, under the secret decoded from hex.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: squarespace(), secrets: envSecrets('SQUARESPACE_WEBHOOK_SECRET') })
 * ```
 */
export function squarespace(): DefinedScheme {
  return scheme;
}
