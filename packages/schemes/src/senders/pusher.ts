import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
      testedWith: 'sender-library',
      library: 'pusher',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'Retries were read, too. Not found: what happens to a replaced secret.',
      sources: [
        'https://pusher.com/docs/channels/server_api/webhooks/',
        'https://docs.bird.com/pusher/channels/channels/webhooks/channels-webhook-timeouts-and-retries',
        'github.com/pusher/pusher-http-node lib/webhook.js',
      ],
      assumptions: [],
      rotation: 'An app can have several keys: add one, switch to it, then remove the old one.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Pusher Channels: `X-Pusher-Signature: <hex>` over the body, under the key that `X-Pusher-Key` names.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 5 minutes; a bad signature gets 401.
 * - Key: give each secret its app key as `id`; without ids, all keys are tried.
 *
 * @example
 * ```ts
 * const secrets = { current: { id: 'your app key', secret: process.env.PUSHER_SECRET } }
 * ```
 */
export function pusher(): DefinedScheme {
  return scheme();
}
