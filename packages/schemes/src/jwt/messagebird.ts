import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

const scheme = defineJwtScheme({
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
    sources: [
      'https://developers.messagebird.com/api/#verifying-http-requests',
      'github.com/messagebird/messagebird-nodejs lib/webhook-signature-jwt.js',
    ],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
      'Whether "jti" is the same in every retry is not documented: it names no delivery.',
    ],
    rotation: 'What becomes of the replaced signing key, and when, is not documented.',
    notes: ['One run per identical address and body while they are remembered; `deliveryKey` overrides it.'],
  },
});

/**
 * MessageBird: `MessageBird-Signature-JWT: <JWT>`, HS256, HS384 or HS512, with the SHA-256 of the address and, where there is one, of
 * the body. The verifier needs `publicUrl`.
 *
 * - Time: `nbf` and `exp`, with 5 s of leeway.
 * - Identity: address and body. `webhook.id` is the token's `jti`.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
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
  return scheme;
}
