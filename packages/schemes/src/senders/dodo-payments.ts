import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { RETRIES_UNDOCUMENTED, ROTATION_UNDOCUMENTED } from './shared-facts.ts';
import { standardSender } from './standard-webhooks.ts';

const scheme = lazily(() =>
  standardSender('dodo-payments', {
    sender: 'Dodo Payments',
    confidence: 'sender-code',
    testedWith: 'sender-library',
    library: 'standardwebhooks',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    sources: [
      'https://docs.dodopayments.com/developer-resources/webhooks',
      'github.com/dodopayments/dodopayments-node src/resources/webhooks',
    ],
    assumptions: [
      "The id is the same in every retry, as the specification that the sender's library follows says.",
      RETRIES_UNDOCUMENTED,
    ],
    rotation: ROTATION_UNDOCUMENTED,
  }),
);

/**
 * Dodo Payments: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`, as in Standard Webhooks.
 *
 * - Identity: the `webhook-id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: dodoPayments(), secrets: envSecrets('DODO_PAYMENTS_WEBHOOK_SECRET') })
 * ```
 */
export function dodoPayments(): DefinedScheme {
  return scheme();
}
