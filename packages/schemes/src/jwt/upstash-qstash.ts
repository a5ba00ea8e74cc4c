import { lazily } from '../lazily.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

const scheme = lazily(() =>
  defineJwtScheme({
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
      checkedOn: '2026-12-01',
      notFound:
        'An older version of the page about retries was read. Not found: whether "jti" changes with a retry.',
      sources: [
        'https://upstash.com/docs/qstash/features/security',
        'https://upstash.com/docs/qstash/howto/signature',
        'https://upstash.com/docs/qstash/features/retry',
        'github.com/upstash/qstash-js src/receiver.ts',
      ],
      assumptions: [
        'The number of retries is a setting of the message and of the plan. The waits grow as e^(2.5 n) seconds, to at most a day: with up to five retries that is less than 24 hours, which are assumed.',
        'The sender does not document whether "jti" is the same in every retry, so it does not identify a delivery.',
      ],
      rotation:
        'There is a current and a next key, and rolling makes the next one current. Configure both, as `current` and `next`.',
      notes: [
        'The message id is not signed. Deliveries with identical bodies run once while the first is remembered: give identical messages and schedules different bodies, or pass `deliveryKey`.',
        'With `deliveryKey: (webhook) => webhook.id` every token is its own delivery, so only a replay of the same token counts as a duplicate.',
      ],
    },
  }),
);

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
  return scheme();
}
