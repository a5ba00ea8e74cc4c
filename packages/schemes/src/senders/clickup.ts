import { type DefinedScheme, defineScheme } from '@countersign/core';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'clickup',
  secret: { encoding: 'utf8' },
  signed: bodyHmac('x-signature'),
  identity: 'body',
  eventType: { bodyField: 'event' },
  delivery: UNDOCUMENTED,
  about: {
    sender: 'ClickUp',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: [
      'https://developer.clickup.com/docs/webhooksignature',
      'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/config.ts',
    ],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [ONE_RUN_PER_BODY],
  },
});

/**
 * ClickUp: `X-Signature: <hex>` over the body, under the secret of the webhook.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: clickUp(), secrets: envSecrets('CLICKUP_WEBHOOK_SECRET') })
 * ```
 */
export function clickUp(): DefinedScheme {
  return scheme;
}
