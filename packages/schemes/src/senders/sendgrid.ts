import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'sendgrid',
    secret: {
      publicKey: 'ecdsa-p256',
      encoding: 'spki',
      mistakenFor: {
        'SG.': 'an API key of SendGrid. Paste the verification key of the event webhook',
      },
    },
    signed: {
      algorithm: { publicKey: 'ecdsa-p256', hash: 'sha256', format: 'der' },
      signature: { header: 'x-twilio-email-event-webhook-signature', encoding: 'base64' },
      timestamp: { header: 'x-twilio-email-event-webhook-timestamp', unit: 's' },
      content: '{timestamp}{body}',
    },
    identity: 'body',
    // The library of the sender has no window, and a retry within the day may repeat its signature.
    tolerance: { past: 86_400, future: 300 },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'SendGrid',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The signature was compared, with published signatures. The overview of the event webhook was read in part, and retries, timeout and rotation were not found in it.',
      sources: [
        'https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features',
        'https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/twilio-sendgrid-event-webhook-overview',
        'github.com/sendgrid/sendgrid-nodejs packages/eventwebhook',
      ],
      assumptions: [
        'SendGrid does not document whether a retry repeats its timestamp, and its library accepts any. So a timestamp may be as old as the retries last, and 300 s ahead.',
      ],
      secretFrom:
        'In Settings, Mail Settings, Event Webhook: the verification key of the signed event webhook. It is a public key.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'A body contains many events, each with an sg_event_id: compare them in the handler.',
        'A body may end with a line break, which is signed.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * SendGrid event webhook: `X-Twilio-Email-Event-Webhook-Signature: <base64>`, ECDSA P-256 over `{…-Timestamp}{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 * - Secret: the verification key as the settings show it, base64.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: sendGrid(), secrets: envSecrets('SENDGRID_VERIFICATION_KEY') })
 * ```
 */
export function sendGrid(): DefinedScheme {
  return scheme();
}
