import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'onfido',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-sha2-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Onfido',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://documentation.onfido.com/api/latest/#webhooks',
      'github.com/onfido/onfido-node src/WebhookEventVerifier.ts',
    ],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['One run per identical body while it is remembered; `deliveryKey` overrides it.'],
  },
});

/**
 * Onfido, classic and Studio: `X-SHA2-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: onfido(), secrets: envSecrets('ONFIDO_SECRET') })
 * ```
 */
export function onfido(): DefinedScheme {
  return scheme;
}
