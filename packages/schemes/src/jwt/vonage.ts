import { lazily } from '../lazily.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

const scheme = lazily(() =>
  defineJwtScheme({
    name: 'vonage',
    algorithms: ['HS256'],
    token: { header: 'authorization', prefix: 'Bearer ' },
    issuer: 'Vonage',
    bodyHash: { claim: 'payload_hash', encoding: 'hex' },
    time: 'iat',
    identity: 'body',
    delivery: { retries: ['5xx'], idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Vonage (Messages and Voice)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Not found: timeout, the span of the retries, and what happens to a replaced signature secret.',
      sources: [
        'https://developer.vonage.com/en/getting-started/concepts/webhooks',
        'github.com/Nexmo/nexmo-developer _documentation/en/getting-started/concepts/webhooks.md, through a fork',
        'github.com/Vonage/vonage-node-sdk packages/jwt',
      ],
      assumptions: [
        'The documentation says only that a 5xx is retried. For other statuses and for the span it says nothing: it is assumed that a 4xx is final and that retries last 24 hours.',
        'The sender documents no tolerance: 300 s each way are assumed.',
        'The sender does not document whether "jti" is the same in every retry, so it does not identify a delivery.',
      ],
      rotation: 'The sender does not document what happens to the replaced signature secret.',
      notes: [
        'Webhooks by GET contain no payload_hash, so their parameters are not signed and they are refused. Configure POST.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Vonage Messages and Voice: `Authorization: Bearer <JWT>`, HS256 under the signature secret, with the SHA-256 of the body as
 * hex.
 *
 * - Time: `iat`, 300 s.
 * - Identity: the body's bytes. `webhook.id` is the token's `jti`.
 * - Delivery: the documentation promises retries only after 5xx; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: vonage(), secrets: envSecrets('VONAGE_SIGNATURE_SECRET') })
 * ```
 */
export function vonage(): JwtScheme {
  return scheme();
}
