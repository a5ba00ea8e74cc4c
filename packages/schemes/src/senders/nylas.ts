import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
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
    sources: [
      'https://developer.nylas.com/docs/v3/notifications/',
      'https://developer.nylas.com/docs/cookbook/use-cases/build/verify-webhook-signatures/',
    ],
    assumptions: [
      "The body's id is the same in every retry: it is that of the notification, which counts its attempts beside it.",
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'An API call replaces the secret; what becomes of the old one is not documented.',
    notes: [
      'With compressed delivery the bytes as they are sent, compressed, are signed: set `contentEncoding` of the adapter to "as-received", inflate in the handler, and give `deliveryKey`.',
    ],
  },
});

/**
 * Nylas: `x-nylas-signature: <hex>` over the body.
 *
 * - Identity: the body's `id`.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 * - The verification, a GET with `challenge`, is answered by every adapter: route GET to it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: nylas(), secrets: envSecrets('NYLAS_SECRET') })
 * ```
 */
export function nylas(): DefinedScheme {
  return scheme;
}
