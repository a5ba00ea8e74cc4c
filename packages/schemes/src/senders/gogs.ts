import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'gogs',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-gogs-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  unsignedHeaders: { deliveryId: 'x-gogs-delivery', event: 'x-gogs-event' },
  delivery: { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Gogs',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: ['https://gogs.io/docs/features/webhook', 'github.com/gogs/gogs internal/database/webhook.go'],
    assumptions: [],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Set the webhook to `application/json`: of a form the field `payload` is signed and not the body, so it is refused.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Gogs: `X-Gogs-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: nothing is tried again; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: gogs(), secrets: envSecrets('GOGS_SECRET') })
 * ```
 */
export function gogs(): DefinedScheme {
  return scheme;
}
