import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

const scheme = defineJwtScheme({
  name: 'upstash-qstash',
  algorithms: ['HS256'],
  token: { header: 'upstash-signature' },
  issuer: 'Upstash',
  required: ['exp', 'nbf'],
  bodyHash: { claim: 'body', encoding: 'base64url' },
  url: { claim: 'sub' },
  time: 'iat',
  identity: 'body',
  unsignedHeaders: {
    messageId: 'upstash-message-id',
    retried: 'upstash-retried',
    scheduleId: 'upstash-schedule-id',
  },
  delivery: {
    retries: 'any-failure',
    idStableOverRetries: true,
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Upstash QStash',
    confidence: 'sender-code',
    testedWith: 'sender-library',
    retryRules: 'documented',
    sources: [
      'https://upstash.com/docs/qstash/features/security',
      'https://upstash.com/docs/qstash/howto/signature',
      'github.com/upstash/qstash-js src/receiver.ts',
    ],
    assumptions: [
      'The span of the retries is a setting of the message: 24 hours are assumed.',
      'The sender does not document whether "jti" is the same in every retry, so it does not identify a delivery.',
    ],
    rotation:
      'There is a current and a next key, and rolling makes the next one current. Configure both, as `current` and `next`.',
    notes: [
      'The message id is not signed. Deliveries with identical bodies run once while the first is remembered: give identical messages and schedules different bodies, or pass `deliveryKey`.',
      'With `deliveryKey: (webhook) => webhook.id` every token is its own delivery, so only a replay of the same token counts as a duplicate.',
    ],
  },
});

/**
 * Upstash QStash: `Upstash-Signature: <JWT>`, HS256, with the SHA-256 of the body as base64url and the URL as `sub`. The verifier
 * needs `publicUrl`.
 *
 * - Time: `iat`, `nbf` and `exp`.
 * - Identity: URL and body. `webhook.id` is the token's `jti`; the message id is not signed and is in `webhook.unsignedHeaders`.
 * - Delivery: the sender retries after any failure; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({
 *   scheme: upstashQStash(),
 *   secrets: { current: process.env.QSTASH_CURRENT_SIGNING_KEY, next: process.env.QSTASH_NEXT_SIGNING_KEY },
 *   publicUrl: 'https://example.com/hooks/qstash',
 * })
 * ```
 */
export function upstashQStash(): JwtScheme {
  return scheme;
}
