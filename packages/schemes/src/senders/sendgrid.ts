import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'sendgrid',
  secret: { publicKey: 'ecdsa-p256', encoding: 'spki' },
  signed: {
    algorithm: { publicKey: 'ecdsa-p256', hash: 'sha256', format: 'der' },
    signature: { header: 'x-twilio-email-event-webhook-signature', encoding: 'base64' },
    timestamp: { header: 'x-twilio-email-event-webhook-timestamp', unit: 's' },
    content: '{timestamp}{body}',
  },
  identity: 'body',
  tolerance: { past: 300, future: 300 },
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
    sources: [
      'https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features',
      'github.com/sendgrid/sendgrid-nodejs packages/eventwebhook',
    ],
    assumptions: [
      'A retry is signed anew with a new time: whether it is, is not documented. Where it is not, one that comes late is refused.',
      'Tolerance is 300 s both ways: none is documented.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'A body holds many events, each with an sg_event_id: compare them in the handler.',
      'A body may end in a line break, which is signed.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * SendGrid event webhook: `X-Twilio-Email-Event-Webhook-Signature: <base64>`, ECDSA P-256 over `{…-Timestamp}{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again for 1 day; a bad signature is answered with 401.
 * - Secret: the verification key as the settings show it, base64.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: sendGrid(), secrets: envSecrets('SENDGRID_VERIFICATION_KEY') })
 * ```
 */
export function sendGrid(): DefinedScheme {
  return scheme;
}
