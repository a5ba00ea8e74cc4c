import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'calendly',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        eyJ: 'a personal access token. Paste the signing key that you chose for the webhook subscription',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'calendly-webhook-signature',
        list: { separator: ',', assign: '=', label: 'v1' },
        encoding: 'hex',
      },
      timestamp: { entry: 't', unit: 's' },
      content: '{timestamp}.{body}',
    },
    identity: 'body',
    tolerance: { past: 180, future: 180 },
    eventType: { bodyField: 'event' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      timeoutSeconds: 15,
      idStableOverRetries: 'unknown',
      retrySignature: 'renewed',
    },
    about: {
      sender: 'Calendly',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      sources: [
        'https://developer.calendly.com/api-docs/ZG9jOjM2MzE2MDM4-webhook-signatures',
        'https://developer.calendly.com/api-docs/overview/webhooks/webhook-errors',
        'https://developer.calendly.com/api-docs/overview/webhooks/webhook-timeouts',
      ],
      assumptions: [
        'Timestamps more than 180 s in the future are refused, too: the documentation limits only the age.',
        'A retry has a new signature with a new timestamp: otherwise it could not pass the 180 s.',
      ],
      secretFrom:
        'You choose it: the signing key that you pass when the webhook subscription is created through the API.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'A webhook that still fails after 24 hours is disabled: create it again.',
        'Deliveries with identical bodies run once while the first is remembered.',
      ],
    },
  }),
);

/**
 * Calendly: `Calendly-Webhook-Signature: t=<seconds>,v1=<hex>` over `{t}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: calendly(), secrets: envSecrets('CALENDLY_SECRET') })
 * ```
 */
export function calendly(): DefinedScheme {
  return scheme();
}
