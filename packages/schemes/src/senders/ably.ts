import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
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
    sources: [
      'https://ably.com/docs/platform/integrations/webhooks',
      'github.com/ably/docs src/pages/docs/platform/integrations/webhooks/index.mdx',
    ],
    assumptions: [
      'Batched requests are tried again after 5xx: which failures count is documented for single requests only.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Choose batched requests and a key to sign with: the signature is documented for those.',
      'A batch that is tried again may hold newer events beside the old ones: its body is another one, and runs. Compare the ids of messages in the handler.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Ably: `X-Ably-Signature: <base64>` over the body, under the key that `X-Ably-Key` names.
 *
 * - Identity: the body's bytes.
 * - Delivery: only 5xx are tried again for 5 minutes; a bad signature is answered with 503.
 * - Key: the part of the API key behind the colon; give the part before it as `id`.
 *
 * @example
 * ```ts
 * const secrets = { current: { id: 'appId.keyId', secret: process.env.ABLY_KEY_SECRET } }
 * ```
 */
export function ably(): DefinedScheme {
  return scheme;
}
