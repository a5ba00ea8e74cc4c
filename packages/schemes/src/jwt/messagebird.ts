import { lazily } from '../lazily.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

const scheme = lazily(() =>
  defineJwtScheme({
    name: 'messagebird',
    algorithms: ['HS256', 'HS384', 'HS512'],
    token: { header: 'messagebird-signature-jwt' },
    issuer: 'MessageBird',
    required: ['exp', 'jti'],
    bodyHash: { claim: 'payload_hash', encoding: 'hex', absentIfEmpty: true },
    urlHash: { claim: 'url_hash', encoding: 'hex' },
    time: 'nbf',
    leewaySeconds: 5,
    identity: 'body',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'MessageBird',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'Looked for, but not found: retries and timeout. The 8 hours that Bird documents are those of its newer notifications.',
      sources: [
        'https://developers.messagebird.com/api/#verifying-http-requests',
        'github.com/messagebird/messagebird-nodejs lib/webhook-signature-jwt.js',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
        'The sender does not document whether "jti" is the same in every retry, so it does not identify a delivery.',
      ],
      rotation: 'The sender does not document what happens to the replaced signing key.',
      notes: [
        'Deliveries with identical URL and body run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * MessageBird: `MessageBird-Signature-JWT: <JWT>`, HS256, HS384 or HS512, with the SHA-256 of the URL and, if there is one, of
 * the body. The verifier needs `publicUrl`.
 *
 * - Time: `nbf` and `exp`, with 5 s of leeway.
 * - Identity: URL and body. `webhook.id` is the token's `jti`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({
 *   scheme: messageBird(),
 *   secrets: envSecrets('MESSAGEBIRD_SIGNING_KEY'),
 *   publicUrl: 'https://example.com/hooks/messagebird',
 * })
 * ```
 */
export function messageBird(): JwtScheme {
  return scheme();
}
