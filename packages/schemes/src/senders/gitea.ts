import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'gitea',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-gitea-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  unsignedHeaders: { deliveryId: 'x-gitea-delivery', event: 'x-gitea-event' },
  delivery: { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Gitea',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://docs.gitea.com/usage/webhooks',
      'github.com/go-gitea/gitea services/webhook/deliver.go',
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
 * Gitea: `X-Gitea-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: nothing is tried again; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: gitea(), secrets: envSecrets('GITEA_SECRET') })
 * ```
 */
export function gitea(): DefinedScheme {
  return scheme;
}
