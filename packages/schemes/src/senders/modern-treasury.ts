import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'modern-treasury',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  unsignedHeaders: { deliveryId: 'x-webhook-id', topic: 'x-topic' },
  delivery: {
    retries: 'any-failure',
    timeoutSeconds: 5,
    idStableOverRetries: true,
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Modern Treasury',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://docs.moderntreasury.com/platform/reference/webhooks',
      'github.com/Modern-Treasury/modern-treasury-node src/resources/webhooks.ts',
    ],
    assumptions: ['For how long the tries go on is not documented: 24 hours are assumed.'],
    rotation: 'Modern Treasury replaces the key on request, and agrees the moment with you.',
    notes: [
      'X-Webhook-ID is not signed: it is a label.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Modern Treasury: `X-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: modernTreasury(), secrets: envSecrets('MODERN_TREASURY_SECRET') })
 * ```
 */
export function modernTreasury(): DefinedScheme {
  return scheme;
}
