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
    sources: [
      'https://upstash.com/docs/qstash/features/security',
      'https://upstash.com/docs/qstash/howto/signature',
      'github.com/upstash/qstash-js src/receiver.ts',
    ],
    assumptions: [
      'The span of the retries is up to the message: 24 hours are assumed.',
      'Whether "jti" is the same in every retry is not documented: it names no delivery.',
    ],
    rotation:
      'A current and a next key: rolling makes the next one current. Give both, as `current` and `next`.',
    notes: [
      'The message id is not signed. One run per identical body while it is remembered: messages and schedules that differ in nothing need a body that does, or `deliveryKey`.',
      'With `deliveryKey: (webhook) => webhook.id` every token counts as its own delivery: nothing is taken for a repetition but a replay.',
    ],
  },
});

/**
 * Upstash QStash: `Upstash-Signature: <JWT>`, HS256, with the SHA-256 of the body as base64url and the address as `sub`. The verifier
 * needs `publicUrl`.
 *
 * - Time: `iat`, `nbf` and `exp`.
 * - Identity: address and body. `webhook.id` is the token's `jti`; the message id is not signed and shows under `webhook.unsignedHeaders`.
 * - Delivery: any failure is tried again; a bad signature is answered with 401.
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
