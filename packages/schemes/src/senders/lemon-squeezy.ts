import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'lemon-squeezy',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  unsignedHeaders: { event: 'x-event-name' },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 155,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
    acknowledgement: { contentType: 'text/plain', body: 'OK' },
  },
  about: {
    sender: 'Lemon Squeezy',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://docs.lemonsqueezy.com/help/webhooks/signing-requests',
      'https://docs.lemonsqueezy.com/api/webhooks',
      'github.com/lmsqueezy/laravel src/Http/Middleware/VerifyWebhookSignature.php',
    ],
    assumptions: ['Tries come after 5, 25 and 125 s: documented as an example of three.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Only 200 counts as received: where the handler answers by itself, it must not say 204.',
      'Lemon Squeezy takes secrets from 6 characters on; here they must have 16 bytes.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Lemon Squeezy: `X-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 200 is tried again, three times within 3 minutes; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: lemonSqueezy(), secrets: envSecrets('LEMON_SQUEEZY_SECRET') })
 * ```
 */
export function lemonSqueezy(): DefinedScheme {
  return scheme;
}
