import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'sinch',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-sinch-webhook-signature', encoding: 'base64' },
    timestamp: { header: 'x-sinch-webhook-signature-timestamp', unit: 's' },
    requiredHeaders: { 'x-sinch-webhook-signature-algorithm': 'HmacSHA256' },
    content: '{body}.{header:x-sinch-webhook-signature-nonce}.{timestamp}',
  },
  identity: 'body',
  tolerance: { past: 300, future: 300 },
  delivery: {
    retries: [429, '5xx'],
    // The waits double from 5 s to 81,920 s.
    retrySpanSeconds: 163_835,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Sinch (SMS, Conversation)',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://developers.sinch.com/docs/conversation/callbacks/',
      'https://developers.sinch.com/docs/sms/api-reference/sms/tag/Webhooks/',
      'github.com/sinch/sinch-sdk-node packages/sdk-client/src',
    ],
    assumptions: [
      'What is tried again is documented for SMS: Conversation is taken to do the same.',
      'The last wait, of 81,920 s, is taken to begin at the try before it: then all of them are 46 hours.',
      'Tolerance is 300 s both ways: none is documented.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Whether a retry keeps its nonce is not documented, so the body names the delivery.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
      'Voice and Verification sign method, path and a digest under their application key: not this scheme.',
    ],
  },
});

/**
 * Sinch SMS and Conversation: `x-sinch-webhook-signature: <base64>` over `{body}.{nonce}.{timestamp}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: only 429 and 5xx are tried again for up to 46 hours; a bad signature is answered with 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: sinch(), secrets: envSecrets('SINCH_SECRET') })
 * ```
 */
export function sinch(): DefinedScheme {
  return scheme;
}
