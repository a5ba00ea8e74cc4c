import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

const scheme = defineJwtScheme({
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
    sources: ['https://docs.netlify.com/site-deploys/notifications/#payload-signature'],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'One secret for each notification, replaced at once; no overlap is documented.',
    notes: [
      'No time is signed: a captured delivery can be replayed once it is forgotten, after seven days.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Netlify: `X-Webhook-Signature: <JWT>`, HS256, with the SHA-256 of the body as hex.
 *
 * - Time: none is signed.
 * - Identity: the body's bytes.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: netlify(), secrets: envSecrets('NETLIFY_WEBHOOK_SECRET') })
 * ```
 */
export function netlify(): JwtScheme {
  return scheme;
}
