import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'razorpay',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        rzp_live_: 'the id of an API key. Paste the secret that you entered for the webhook',
        rzp_test_: 'the id of an API key. Paste the secret that you entered for the webhook',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-razorpay-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: { eventId: 'x-razorpay-event-id' },
    eventType: { bodyField: 'event' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      timeoutSeconds: 5,
      idStableOverRetries: true,
      retrySignature: 'repeated',
    },
    about: {
      sender: 'Razorpay',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://razorpay.com/docs/webhooks/validate-test/',
        'https://razorpay.com/docs/webhooks/best-practices',
        'https://razorpay.com/docs/webhooks/faqs',
        'github.com/razorpay/markdown-docs webhooks/best-practices.md and webhooks/faqs.md',
        'github.com/razorpay/razorpay-node lib/utils/razorpay-utils.js',
      ],
      assumptions: [],
      secretFrom: 'You choose it: the secret in the settings of the webhook. It is not the API key secret.',
      rotation:
        'The new secret signs later events; retries of earlier events are signed with the old one. Keep it as `previous` for 24 hours.',
      notes: [
        'x-razorpay-event-id is the same in every retry, but not signed: it is a label.',
        'A webhook that fails for 24 hours is disabled.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Razorpay: `X-Razorpay-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: razorpay(), secrets: envSecrets('RAZORPAY_SECRET') })
 * ```
 */
export function razorpay(): DefinedScheme<'eventId'> {
  return scheme();
}
