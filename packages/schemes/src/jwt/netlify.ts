import { lazily } from '../lazily.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

const scheme = lazily(() =>
  defineJwtScheme({
    name: 'netlify',
    algorithms: ['HS256'],
    token: { header: 'x-webhook-signature' },
    issuer: 'netlify',
    bodyHash: { claim: 'sha256', encoding: 'hex' },
    identity: 'body',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Netlify',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The page about notifications was read: it tells the claims of the signature, but the part that was found says nothing about retries.',
      sources: ['https://docs.netlify.com/site-deploys/notifications/#payload-signature'],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'Each notification has one secret, which is replaced at once. No overlap is documented.',
      notes: [
        'No timestamp is signed: an attacker can replay a captured delivery once it is forgotten, after seven days.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Netlify: `X-Webhook-Signature: <JWT>`, HS256, with the SHA-256 of the body as hex.
 *
 * - Time: no timestamp is signed.
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: netlify(), secrets: envSecrets('NETLIFY_WEBHOOK_SECRET') })
 * ```
 */
export function netlify(): JwtScheme {
  return scheme();
}
