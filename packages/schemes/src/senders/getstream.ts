import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'getstream',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: { webhookId: 'x-webhook-id', attempt: 'x-webhook-attempt' },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: [408, 429, '5xx'],
      retrySpanSeconds: 15,
      timeoutSeconds: 6,
      idStableOverRetries: true,
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Stream (getstream.io)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Only the signature was compared, with published signatures: retries, timeout and rotation were not read again.',
      sources: [
        'https://getstream.io/chat/docs/node/webhooks_overview/',
        'https://getstream.io/chat/docs/react/push_webhook',
        'github.com/GetStream/stream-chat-js src/signing.ts',
      ],
      assumptions: [
        'All webhooks are assumed to be retried like push webhooks: the documentation describes only those.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'The uncompressed body is signed, even if the body is sent with gzip: then set the adapter\'s `contentEncoding` to "decompress".',
        'X-Webhook-Id is the same in every retry, but not signed: it is a label.',
        'All attempts together take 15 seconds: a secret that arrives later is too late.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Stream Chat and Video: `X-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries only after 408, 429 and 5xx, within 15 seconds; a bad signature gets 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: getStream(), secrets: envSecrets('STREAM_API_SECRET') })
 * ```
 */
export function getStream(): DefinedScheme<'webhookId' | 'attempt'> {
  return scheme();
}
