import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The rules of SMS were read in the documentation of a library of the sender. Not found: those of Conversation, timeout, and what happens to a replaced secret.',
      sources: [
        'https://developers.sinch.com/docs/conversation/callbacks/',
        'https://developers.sinch.com/docs/sms/api-reference/sms/tag/Webhooks/',
        'https://developers.sinch.com/java-sdk/apidocs/com/sinch/sdk/domains/sms/WebHooksService.html',
        'github.com/sinch/sinch-sdk-node packages/sdk-client/src',
      ],
      assumptions: [
        'The documentation says only for SMS what is retried: Conversation is assumed to do the same.',
        'The last wait of 81,920 s is assumed to begin at the attempt before it: then all attempts take 46 hours.',
        'The sender documents no tolerance: 300 s each way are assumed.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'The sender does not document whether a retry repeats its nonce, so the body identifies the delivery.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'Voice and Verification sign method, path and a digest with their application key: this scheme is not for them.',
      ],
    },
  }),
);

/**
 * Sinch SMS and Conversation: `x-sinch-webhook-signature: <base64>` over `{body}.{nonce}.{timestamp}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries only after 429 and 5xx, for up to 46 hours; a bad signature gets 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: sinch(), secrets: envSecrets('SINCH_SECRET') })
 * ```
 */
export function sinch(): DefinedScheme {
  return scheme();
}
