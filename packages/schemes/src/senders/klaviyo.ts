import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { timedHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'klaviyo',
    secret: { encoding: 'utf8' },
    signed: timedHmac(
      'klaviyo-signature',
      { header: 'klaviyo-timestamp', unit: 'http-date' },
      '{body}{timestamp}',
    ),
    identity: 'body',
    tolerance: { past: 300, future: 300 },
    unsignedHeaders: { webhookId: 'klaviyo-webhook-id' },

    delivery: UNDOCUMENTED,
    about: {
      sender: 'Klaviyo',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      sources: [
        'https://developers.klaviyo.com/en/docs/working_with_system_webhooks',
        'github.com/hookdeck/webhook-skills',
      ],
      assumptions: [RETRIES_UNDOCUMENTED],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'Each element of data has an external_id: compare them in the handler.',
        'The webhook action of a flow is not signed: this scheme is not for it.',
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

/**
 * Klaviyo, system webhooks: `Klaviyo-Signature: <hex>` over `{body}{Klaviyo-Timestamp}`; the time is an HTTP date.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: klaviyo(), secrets: envSecrets('KLAVIYO_WEBHOOK_SECRET') })
 * ```
 */
export function klaviyo(): DefinedScheme<'webhookId'> {
  return scheme();
}
