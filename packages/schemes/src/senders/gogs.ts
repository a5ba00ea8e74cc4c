import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'gogs',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-gogs-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: { deliveryId: 'x-gogs-delivery', event: 'x-gogs-event' },
    eventType: { header: 'x-gogs-event' },
    delivery: { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Gogs',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound: 'Replacing the secret was not found in the documentation.',
      sources: [
        'https://gogs.io/docs/features/webhook',
        'github.com/gogs/gogs internal/database/webhook.go',
        'github.com/gogs/gogs internal/db/webhook.go',
      ],
      assumptions: [],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Set the webhook to `application/json`. Forms are refused, because only their field `payload` is signed, not the body.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'The owner of the server chooses how long it waits for a response (DELIVER_TIMEOUT).',
      ],
    },
  }),
);

/**
 * Gogs: `X-Gogs-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender never retries; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: gogs(), secrets: envSecrets('GOGS_SECRET') })
 * ```
 */
export function gogs(): DefinedScheme<'deliveryId' | 'event'> {
  return scheme();
}
