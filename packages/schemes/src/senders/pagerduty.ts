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
      "The body's event.id is the same in every retry: documented is that it identifies the event.",
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'Every live secret of the subscription signs, one v1 each.',
  },
});

/**
 * PagerDuty, V3 webhooks: `X-PagerDuty-Signature: v1=<hex>,v1=…` over the body.
 *
 * - Identity: the body's `event.id`.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: pagerDuty(), secrets: envSecrets('PAGERDUTY_SECRET') })
 * ```
 */
export function pagerDuty(): DefinedScheme {
  return scheme;
}
