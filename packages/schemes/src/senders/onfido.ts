import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'onfido',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-sha2-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    eventType: { bodyField: 'payload.action' },
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Onfido',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The signature was compared, with published signatures. Looked for, but not found: the pages of the sender about retries, timeout and rotation.',
      sources: [
        'https://documentation.onfido.com/api/latest/#webhooks',
        'github.com/onfido/onfido-node src/WebhookEventVerifier.ts',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Onfido, classic and Studio: `X-SHA2-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: onfido(), secrets: envSecrets('ONFIDO_SECRET') })
 * ```
 */
export function onfido(): DefinedScheme {
  return scheme();
}
