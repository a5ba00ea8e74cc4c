import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'linear',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'linear-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  bodyTimestamp: { field: 'webhookTimestamp', unit: 'ms', past: 28_800, future: 300 },
  unsignedHeaders: { deliveryId: 'linear-delivery', event: 'linear-event' },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 25_260,
    timeoutSeconds: 5,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Linear',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: ['https://linear.app/developers/webhooks', 'github.com/linear/linear packages/sdk/src/webhooks'],
    assumptions: [
      'A retry may keep its webhookTimestamp, so that is taken for as long as retries go on. Linear advises a minute.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['One run per identical body while it is remembered; `deliveryKey` overrides it.'],
  },
});

/**
 * Linear: `linear-signature: <hex>` over the body, which holds the time.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again for 7 hours; a bad signature is answered with 401.
 * - The header `linear-timestamp` is not signed and is not read: the body's `webhookTimestamp` counts.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: linear(), secrets: envSecrets('LINEAR_SECRET') })
 * ```
 */
export function linear(): DefinedScheme {
  return scheme;
}
