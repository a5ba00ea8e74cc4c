import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'sinch-numbers',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha1' },
    signature: { header: 'x-sinch-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Sinch (Numbers)',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://developers.sinch.com/docs/numbers/api-reference/numbers/callbacks-numbers',
      'github.com/sinch/sinch-sdk-node packages/numbers/src',
    ],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['One run per identical body while it is remembered; `deliveryKey` overrides it.'],
  },
});

/**
 * Sinch Numbers: `x-sinch-signature: <hex>`, HMAC-SHA1 of the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: sinchNumbers(), secrets: envSecrets('SINCH_NUMBERS_SECRET') })
 * ```
 */
export function sinchNumbers(): DefinedScheme {
  return scheme;
}
