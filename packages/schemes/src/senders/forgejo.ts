import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'forgejo',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-forgejo-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: { deliveryId: 'x-forgejo-delivery', event: 'x-forgejo-event' },
    eventType: { header: 'x-forgejo-event' },
    delivery: { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Forgejo',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'read-in-code',
      sources: [
        'https://forgejo.org/docs/latest/user/webhooks/',
        'codeberg.org/forgejo/forgejo services/webhook/deliver.go',
        'codeberg.org/forgejo/forgejo services/webhook/shared/payloader.go',
      ],
      assumptions: [],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Set the webhook to `application/json`. Forms are refused, because only their field `payload` is signed, not the body.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Forgejo: `X-Forgejo-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender never retries; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: forgejo(), secrets: envSecrets('FORGEJO_SECRET') })
 * ```
 */
export function forgejo(): DefinedScheme<'deliveryId' | 'event'> {
  return scheme();
}
