import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'cal-com',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('x-cal-signature-256'),
    identity: 'body',
    eventType: { bodyField: 'triggerEvent' },
    delivery: UNDOCUMENTED,
    about: {
      sender: 'Cal.com',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'Whether Cal.com in the cloud hands webhooks to its task queue, which may retry, was not found.',
      sources: [
        'https://cal.com/docs/developing/guides/automation/webhooks',
        'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/config.ts',
        'github.com/calcom/cal.com packages/features/webhooks/lib/sendPayload.ts and sendOrSchedulePayload.ts',
      ],
      assumptions: [RETRIES_UNDOCUMENTED],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'Without a secret, Cal.com sends a placeholder instead of a signature, which Countersign refuses.',
        ONE_RUN_PER_BODY,
        'An own Cal.com sends each delivery once and does not retry, unless its task queue is switched on for webhooks (TASKER_ENABLE_WEBHOOKS).',
      ],
    },
  }),
);

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
  return scheme();
}
