import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'ably',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-ably-signature', encoding: 'base64' },
      keyId: { header: 'x-ably-key' },
      content: '{body}',
    },
    identity: 'body',
    delivery: {
      retries: ['5xx'],
      retrySpanSeconds: 300,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Ably',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The wait for a response to a batched request, and replacing the key, were not found in the documentation.',
      sources: [
        'https://ably.com/docs/platform/integrations/webhooks',
        'github.com/ably/docs src/pages/docs/platform/integrations/webhooks/index.mdx',
      ],
      assumptions: [
        'Batched requests are assumed to be retried after 5xx: the documentation says which failures count only for single requests.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Choose batched requests and a signing key: the signature is documented only for those.',
        'A retried batch may contain newer events in addition to the old ones. Then its body differs, so it runs. Compare the ids of messages in the handler.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Ably: `X-Ably-Signature: <base64>` over the body, under the key that `X-Ably-Key` names.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries only after 5xx, for 5 minutes; a bad signature gets 503.
 * - Key: the part of the API key after the colon; pass the part before it as `id`.
 *
 * @example
 * ```ts
 * const secrets = { current: { id: 'appId.keyId', secret: process.env.ABLY_KEY_SECRET } }
 * ```
 */
export function ably(): DefinedScheme {
  return scheme();
}
