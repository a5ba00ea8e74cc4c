import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { RETRIES_UNDOCUMENTED, ROTATION_UNDOCUMENTED } from './shared-facts.ts';
import { standardSender } from './standard-webhooks.ts';

const scheme = lazily(() =>
  standardSender('liveblocks', {
    sender: 'Liveblocks',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    sources: [
      'https://liveblocks.io/docs/platform/webhooks',
      'github.com/liveblocks/liveblocks packages/liveblocks-node/src/webhooks.ts',
    ],
    assumptions: [
      "The id is the same in every retry, as the specification that the sender's library follows says.",
      RETRIES_UNDOCUMENTED,
    ],
    rotation: ROTATION_UNDOCUMENTED,
  }),
);

/**
 * Liveblocks: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`, as in Standard Webhooks.
 *
 * - Identity: the `webhook-id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: liveblocks(), secrets: envSecrets('LIVEBLOCKS_WEBHOOK_SECRET') })
 * ```
 */
export function liveblocks(): DefinedScheme {
  return scheme();
}
