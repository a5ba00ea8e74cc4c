import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { timedHmac } from './hmac-rules.ts';
import { ONLY_200, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'airwallex',
    secret: { encoding: 'utf8' },
    signed: timedHmac('x-signature', { header: 'x-timestamp', unit: 'ms' }, '{timestamp}{body}'),
    identity: { bodyField: 'id' },
    eventType: { bodyField: 'name' },
    tolerance: { past: 300, future: 300 },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 259_200,
      idStableOverRetries: true,
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Airwallex',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://www.airwallex.com/docs/developer-tools/webhooks/webhooks-overview',
        'https://www.airwallex.com/docs/developer-tools/webhooks/listen-for-webhook-events',
        'github.com/hookdeck/webhook-skills',
      ],
      assumptions: [
        'A retry has a new time: the sender documents neither that nor a tolerance. The tolerance is 300 s each way.',
      ],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'Airwallex counts every status but 200 as a failure: respond with 200.',
        'Each webhook has its own secret.',
      ],
    },
  }),
);

/**
 * Airwallex: `x-signature: <hex>` over `{x-timestamp}{body}`.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender retries after any response other than 200, for about three days; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: airwallex(), secrets: envSecrets('AIRWALLEX_WEBHOOK_SECRET') })
 * ```
 */
export function airwallex(): DefinedScheme {
  return scheme();
}
