import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { RETRIES_UNDOCUMENTED, ROTATION_UNDOCUMENTED } from './shared-facts.ts';
import { standardSender } from './standard-webhooks.ts';

const scheme = lazily(() =>
  standardSender(
    'render',
    {
      sender: 'Render',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound: 'The page about webhooks was read in part: 2xx within 15 s. Not found: retries and rotation.',
      sources: [
        'https://render.com/docs/webhooks',
        'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/config.ts',
      ],
      assumptions: [
        'The id is the same in every retry, as the specification that the sender follows says.',
        RETRIES_UNDOCUMENTED,
      ],
      rotation: ROTATION_UNDOCUMENTED,
    },
    { retries: 'unknown', timeoutSeconds: 15, idStableOverRetries: true, retrySignature: 'unknown' },
  ),
);

/**
 * Render: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`, as in Standard Webhooks.
 *
 * - Identity: the `webhook-id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: render(), secrets: envSecrets('RENDER_WEBHOOK_SECRET') })
 * ```
 */
export function render(): DefinedScheme {
  return scheme();
}
