import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
    delivery: {
      retries: 'never',
      timeoutSeconds: 5,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Gitea',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound: 'Replacing the secret was not found in the documentation.',
      sources: [
        'https://docs.gitea.com/usage/webhooks',
        'github.com/go-gitea/gitea services/webhook/deliver.go',
        'github.com/go-gitea/gitea services/webhook/deliver.go and modules/setting/webhook.go',
      ],
      assumptions: [],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Set the webhook to `application/json`. Forms are refused, because only their field `payload` is signed, not the body.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'The wait of 5 s is the default. The owner of the server can change it (DELIVER_TIMEOUT).',
      ],
    },
  }),
);

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
  return scheme();
}
