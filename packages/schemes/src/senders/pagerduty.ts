import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'pagerduty',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'x-pagerduty-signature',
        list: { separator: ',', assign: '=', label: 'v1' },
        encoding: 'hex',
      },
      content: '{body}',
    },
    identity: { bodyField: 'event.id' },
    eventType: { bodyField: 'event.event_type' },
    delivery: {
      retries: [429, '5xx'],
      retrySpanSeconds: 172_800,
      timeoutSeconds: 5,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'PagerDuty',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'The page about retries was read. Not found: a library for Node.js that verifies.',
      sources: [
        'https://developer.pagerduty.com/docs/verifying-webhook-signatures',
        'https://developer.pagerduty.com/docs/webhooks-overview',
        'https://developer.pagerduty.com/docs/webhooks-behavior',
        'github.com/PagerDuty/developer-docs docs/webhooks/02-Behavior.md',
      ],
      assumptions: [
        "The body's event.id is the same in every retry: the documentation says only that it identifies the event.",
      ],
      secretFrom: 'Shown once, when the webhook subscription is created.',
      rotation: 'Every active secret of the subscription signs, with one v1 each.',
      notes: [
        'PagerDuty drops a delivery at once after any other 4xx, and disables a subscription for 24 hours after three dropped deliveries in a row.',
        'The header X-Webhook-Id is the same in every attempt, but not signed.',
        'A body has at most 256 KB.',
      ],
    },
  }),
);

/**
 * PagerDuty, V3 webhooks: `X-PagerDuty-Signature: v1=<hex>,v1=…` over the body.
 *
 * - Identity: the body's `event.id`.
 * - Delivery: the sender retries after no response, 429 and 5xx, for two days; a bad signature gets 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: pagerDuty(), secrets: envSecrets('PAGERDUTY_SECRET') })
 * ```
 */
export function pagerDuty(): DefinedScheme {
  return scheme();
}
