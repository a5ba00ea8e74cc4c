import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'nylas',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-nylas-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: { bodyField: 'id' },
    handshake: {
      signed: false,
      when: { method: 'GET', query: { challenge: true } },
      challenge: { query: 'challenge', characters: 'word', maxLength: 128 },
      response: { text: '{challenge}' },
    },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'unknown',
      timeoutSeconds: 10,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Nylas',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The page about failed webhooks was read in part: 200 within 10 s. Not found: how often Nylas retries, and for how long.',
      sources: [
        'https://developer.nylas.com/docs/v3/notifications/',
        'https://developer.nylas.com/docs/cookbook/use-cases/build/verify-webhook-signatures/',
        'https://developer.nylas.com/docs/cookbook/use-cases/build/retry-failed-webhooks/',
      ],
      assumptions: [
        "The body's id is the same in every retry: it is the id of the notification, and a separate field counts the attempts.",
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'An API call replaces the secret. The sender does not document what happens to the old one.',
      notes: [
        'With compressed delivery, the compressed bytes are signed: set the adapter\'s `contentEncoding` to "as-received", decompress the body in the handler, and pass `deliveryKey`.',
      ],
    },
  }),
);

/**
 * Nylas: `x-nylas-signature: <hex>` over the body.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Every adapter responds to the verification, a GET with `challenge`: route GET to it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: nylas(), secrets: envSecrets('NYLAS_SECRET') })
 * ```
 */
export function nylas(): DefinedScheme {
  return scheme();
}
