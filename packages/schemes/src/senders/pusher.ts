import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'pusher',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-pusher-signature', encoding: 'hex' },
    keyId: { header: 'x-pusher-key' },
    content: '{body}',
  },
  identity: 'body',
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 300,
    timeoutSeconds: 4,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Pusher Channels',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://pusher.com/docs/channels/server_api/webhooks/',
      'https://docs.bird.com/pusher/channels/channels/webhooks/channels-webhook-timeouts-and-retries',
      'github.com/pusher/pusher-http-node lib/webhook.js',
    ],
    assumptions: [],
    rotation: 'An app has several keys: add one, change over, remove the old one.',
    notes: ['One run per identical body while it is remembered; `deliveryKey` overrides it.'],
  },
});

/**
 * Pusher Channels: `X-Pusher-Signature: <hex>` over the body, under the key that `X-Pusher-Key` names.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again for 5 minutes; a bad signature is answered with 401.
 * - Key: give each secret its app key as `id`; without ids all are tried.
 *
 * @example
 * ```ts
 * const secrets = { current: { id: 'your app key', secret: process.env.PUSHER_SECRET } }
 * ```
 */
export function pusher(): DefinedScheme {
  return scheme;
}
