import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'forgejo',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-forgejo-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  unsignedHeaders: { deliveryId: 'x-forgejo-delivery', event: 'x-forgejo-event' },
  delivery: { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Forgejo',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://forgejo.org/docs/latest/user/webhooks/',
      'codeberg.org/forgejo/forgejo services/webhook/deliver.go',
      'codeberg.org/forgejo/forgejo services/webhook/shared/payloader.go',
    ],
    assumptions: [],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Set the webhook to `application/json`: of a form the field `payload` is signed and not the body, so it is refused.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Forgejo: `X-Forgejo-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: nothing is tried again; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: forgejo(), secrets: envSecrets('FORGEJO_SECRET') })
 * ```
 */
export function forgejo(): DefinedScheme {
  return scheme;
}
