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
  eventType: { header: 'x-gitea-event' },
  delivery: { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Gitea',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    retryRules: 'read-in-code',
    checkedOn: '2026-12-01',
    notFound:
      'Only the signature was compared, with published signatures: retries, timeout and rotation were not read again.',
    sources: [
      'https://docs.gitea.com/usage/webhooks',
      'github.com/go-gitea/gitea services/webhook/deliver.go',
    ],
    assumptions: [],
    rotation: 'The sender does not document what happens to the replaced secret.',
    notes: [
      'Set the webhook to `application/json`. Forms are refused, because only their field `payload` is signed, not the body.',
      'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
    ],
  },
});

/**
 * Gitea: `X-Gitea-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender never retries; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: gitea(), secrets: envSecrets('GITEA_SECRET') })
 * ```
 */
export function gitea(): DefinedScheme<'deliveryId' | 'event'> {
  return scheme;
}
