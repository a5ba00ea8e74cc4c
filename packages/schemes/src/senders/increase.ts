import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONLY_PUBLIC_CODE, RETRIES_UNDOCUMENTED, ROTATION_UNDOCUMENTED } from './shared-facts.ts';
import { standardSender } from './standard-webhooks.ts';

const scheme = lazily(() =>
  standardSender('increase', {
    sender: 'Increase',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: [
      'https://increase.com/documentation/webhooks',
      'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/config.ts',
    ],
    assumptions: [
      'The id is the same in every retry, as the specification that the sender follows says.',
      RETRIES_UNDOCUMENTED,
    ],
    rotation: ROTATION_UNDOCUMENTED,
  }),
);

/**
 * Increase: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`, as in Standard Webhooks.
 *
 * - Identity: the `webhook-id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: increase(), secrets: envSecrets('INCREASE_WEBHOOK_SECRET') })
 * ```
 */
export function increase(): DefinedScheme {
  return scheme();
}
