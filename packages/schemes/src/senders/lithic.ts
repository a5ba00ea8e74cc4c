import { type DefinedScheme, defineScheme } from '@countersign/core';
import { standardRule } from './standard-webhooks.ts';

const scheme = defineScheme({
  name: 'lithic',
  secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true },
  signed: standardRule('webhook'),
  identity: 'id',
  tolerance: { past: 300, future: 300 },
  delivery: { retries: 'unknown', idStableOverRetries: true, retrySignature: 'unknown' },
  about: {
    sender: 'Lithic',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://docs.lithic.com/docs/events-api',
      'github.com/lithic-com/lithic-node src/resources/webhooks.ts',
    ],
    assumptions: [
      "The id is the same in every retry: the specification that Lithic's library follows says so.",
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
  },
});

/**
 * Lithic: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the `webhook-id`.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: lithic(), secrets: envSecrets('LITHIC_SECRET') })
 * ```
 */
export function lithic(): DefinedScheme {
  return scheme;
}
