import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
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
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'PagerDuty',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: [
      'https://developer.pagerduty.com/docs/verifying-webhook-signatures',
      'https://developer.pagerduty.com/docs/webhooks-overview',
    ],
    assumptions: [
      "The body's event.id is the same in every retry: the documentation says only that it identifies the event.",
      'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
    ],
    rotation: 'Every active secret of the subscription signs, with one v1 each.',
  },
});

/**
 * PagerDuty, V3 webhooks: `X-PagerDuty-Signature: v1=<hex>,v1=…` over the body.
 *
 * - Identity: the body's `event.id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: pagerDuty(), secrets: envSecrets('PAGERDUTY_SECRET') })
 * ```
 */
export function pagerDuty(): DefinedScheme {
  return scheme;
}
