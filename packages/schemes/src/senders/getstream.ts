import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'getstream',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  unsignedHeaders: { webhookId: 'x-webhook-id', attempt: 'x-webhook-attempt' },
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
    sources: [
      'https://getstream.io/chat/docs/node/webhooks_overview/',
      'https://getstream.io/chat/docs/react/push_webhook',
      'github.com/GetStream/stream-chat-js src/signing.ts',
    ],
    assumptions: ['All webhooks are tried again as push webhooks are: documented are the rules of those.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'The uncompressed body is signed, also where gzip was sent: then set `contentEncoding` of the adapter to "decompress".',
      'X-Webhook-Id is the same in every retry, but not signed: it is a label.',
      'All tries together take 15 seconds: a secret that comes later comes too late.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Stream Chat and Video: `X-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: only 408, 429, 5xx are tried again, within 15 seconds; a bad signature is answered with 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: getStream(), secrets: envSecrets('STREAM_API_SECRET') })
 * ```
 */
export function getStream(): DefinedScheme {
  return scheme;
}
