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
  name: 'cal-com',
  secret: { encoding: 'utf8' },
  signed: bodyHmac('x-cal-signature-256'),
  identity: 'body',
  eventType: { bodyField: 'triggerEvent' },
  delivery: UNDOCUMENTED,
  about: {
    sender: 'Cal.com',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: [
      'https://cal.com/docs/developing/guides/automation/webhooks',
      'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/config.ts',
    ],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [
      'Without a secret, Cal.com sends a placeholder instead of a signature, which Countersign refuses.',
      ONE_RUN_PER_BODY,
    ],
  },
});

/**
 * Cal.com: `X-Cal-Signature-256: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: calCom(), secrets: envSecrets('CAL_COM_WEBHOOK_SECRET') })
 * ```
 */
export function calCom(): DefinedScheme {
  return scheme;
}
