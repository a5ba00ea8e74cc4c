import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'plivo-v2',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-plivo-signature-v2', encoding: 'base64' },
    content: '{baseUrl}{header:x-plivo-signature-v2-nonce}',
  },
  identity: 'content',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Plivo (V2)',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://www.plivo.com/docs/voice/concepts/signature-validation',
      'github.com/plivo/plivo-node lib/utils/security.js',
    ],
    assumptions: [
      'A retry keeps its nonce: whether it does is not documented. Where it does not, it runs again.',
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
  },
});

/**
 * Plivo, V2: `X-Plivo-Signature-V2: <base64>` over the address without its query and `X-Plivo-Signature-V2-Nonce`. The parameters are not signed.
 *
 * - Identity: address and nonce, which are signed.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 * - Needs `publicUrl`: the address that Plivo was given.
 * - `webhook.bodyAuthenticated` is `false`: what the request says is not signed.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: plivoV2(), secrets: envSecrets('PLIVO_AUTH_TOKEN') })
 * ```
 */
export function plivoV2(): DefinedScheme {
  return scheme;
}
