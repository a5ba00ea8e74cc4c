import { type DefinedScheme, defineScheme } from '@countersign/core';
import { standardRule } from './standard-webhooks.ts';

const scheme = defineScheme({
  name: 'anthropic',
  secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true },
  signed: standardRule('webhook'),
  identity: 'id',
  tolerance: { past: 300, future: 300 },
  delivery: {
    retries: 'unknown',
    retrySpanSeconds: 300,
    idStableOverRetries: true,
    retrySignature: 'renewed',
  },
  about: {
    sender: 'Anthropic',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://platform.claude.com/docs/en/managed-agents/webhooks',
      'github.com/anthropics/anthropic-sdk-typescript src/resources/beta/webhooks.ts',
      'https://www.standardwebhooks.com',
    ],
    assumptions: [
      'Which answers are tried again is not documented: 4xx counts as final.',
      'Three tries, 5 to 120 s apart, are counted as 5 minutes.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      "The webhook-id is the event's own id, which the body has as well.",
      'A redirect disables the endpoint at once, failures over a longer time do so too.',
    ],
  },
});

/**
 * Anthropic: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the `webhook-id`, which is that of the event and the same in every retry.
 * - Delivery: three tries within minutes, after what answers is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: anthropic(), secrets: envSecrets('ANTHROPIC_SECRET') })
 * ```
 */
export function anthropic(): DefinedScheme {
  return scheme;
}
