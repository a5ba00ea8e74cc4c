import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { timedHmac } from './hmac-rules.ts';
import { ONE_RUN_PER_BODY, ONLY_200, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'cashfree',
    secret: { encoding: 'utf8' },
    signed: timedHmac(
      'x-webhook-signature',
      { header: 'x-webhook-timestamp', unit: 'ms' },
      '{timestamp}{body}',
      { encoding: 'base64' },
    ),
    identity: 'body',
    eventType: { bodyField: 'type' },
    tolerance: { past: 300, future: 300 },
    unsignedHeaders: {
      idempotencyKey: 'x-idempotency-key',
      version: 'x-webhook-version',
      attempt: 'x-webhook-attempt',
    },
    delivery: {
      retries: 'any-failure',
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Cashfree',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://www.cashfree.com/docs/payments/online/webhooks/signature-verification',
        'https://docs.cashfree.com/docs/webhook-resend-retry',
        'github.com/cashfree/cashfree-pg-sdk-nodejs api.ts',
      ],
      assumptions: [
        'A retry has a new time: the sender documents neither that nor a tolerance. The tolerance is 300 s each way.',
        'You set in the dashboard for how long Cashfree retries: 24 hours are assumed.',
      ],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'The secret is the client secret of the API (for webhooks of a partner, the API key of the partner).',
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

/**
 * Cashfree: `x-webhook-signature: <base64>` over `{x-webhook-timestamp}{body}`, under the client secret.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: cashfree(), secrets: envSecrets('CASHFREE_CLIENT_SECRET') })
 * ```
 */
export function cashfree(): DefinedScheme<'idempotencyKey' | 'version' | 'attempt'> {
  return scheme();
}
