import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

const scheme = defineJwtScheme({
  name: 'vonage',
  algorithms: ['HS256'],
  token: { header: 'authorization', prefix: 'Bearer ' },
  issuer: 'Vonage',
  bodyHash: { claim: 'payload_hash', encoding: 'hex' },
  time: 'iat',
  identity: 'body',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Vonage (Messages and Voice)',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://developer.vonage.com/en/getting-started/concepts/webhooks',
      'github.com/Vonage/vonage-node-sdk packages/jwt',
    ],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
      'Tolerance is 300 s both ways: none is documented.',
      'Whether "jti" is the same in every retry is not documented: it names no delivery.',
    ],
    rotation: 'What becomes of the replaced signature secret, and when, is not documented.',
    notes: [
      'Webhooks by GET carry no payload_hash, so their parameters are not signed: they are refused. Have them sent by POST.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Vonage Messages and Voice: `Authorization: Bearer <JWT>`, HS256 under the signature secret, with the SHA-256 of the body as hex.
 *
 * - Time: `iat`, 300 s.
 * - Identity: the body's bytes. `webhook.id` is the token's `jti`.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: vonage(), secrets: envSecrets('VONAGE_SIGNATURE_SECRET') })
 * ```
 */
export function vonage(): JwtScheme {
  return scheme;
}
