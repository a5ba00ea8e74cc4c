import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONE_RUN_PER_BODY } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'recurly',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'recurly-signature', list: { separator: ',' }, encoding: 'hex' },
      timestamp: { entry: 0, unit: 'ms' },
      content: '{timestamp}.{body}',
    },
    identity: 'body',
    eventType: { bodyField: 'event_type' },
    tolerance: { past: 300, future: 300 },
    unsignedHeaders: { notificationId: 'recurly-notification-id' },

    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 262308,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Recurly',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'The page about retries was read. Not found: timeout, and whether a retry has a new time.',
      sources: [
        'https://docs.recurly.com/recurly-subscriptions/docs/signature-verification',
        'https://docs.recurly.com/recurly-subscriptions/docs/automatic-retries',
      ],
      assumptions: ['A retry has a new time: the sender does not document it.'],
      rotation: 'For 24 hours, Recurly signs with both the old and the new key, with one signature each.',
      notes: ['Webhooks in the format XML are not signed: this scheme is for JSON.', ONE_RUN_PER_BODY],
    },
  }),
);

/**
 * Recurly: `recurly-signature: <ms>,<hex>,…` over `{time}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, ten times within 3 days; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: recurly(), secrets: envSecrets('RECURLY_WEBHOOK_KEY') })
 * ```
 */
export function recurly(): DefinedScheme<'notificationId'> {
  return scheme();
}
