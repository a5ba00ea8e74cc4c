import { type DefinedScheme, defineScheme } from '@countersign/core';
import { standardRule } from './standard-webhooks.ts';

const scheme = defineScheme({
  name: 'openai',
  secret: [{ encoding: 'base64', prefix: 'whsec_' }, { encoding: 'utf8' }],
  signed: standardRule('webhook'),
  identity: 'id',
  tolerance: { past: 300, future: 300 },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 259_200,
    idStableOverRetries: true,
    retrySignature: 'renewed',
  },
  about: {
    sender: 'OpenAI',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://platform.openai.com/docs/guides/webhooks',
      'github.com/openai/openai-node src/resources/webhooks.ts',
    ],
    assumptions: ['A retry is signed anew with a new time: it could not pass 300 s otherwise.'],
    rotation: 'The dashboard makes a new secret; what becomes of the old one is not documented.',
    notes: ["OpenAI's library takes a bare signature without v1, too: it is passed over here."],
  },
});

/**
 * OpenAI: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the `webhook-id`, which is signed and the same in every retry.
 * - Delivery: any answer but 2xx is tried again for 3 days; a bad signature is answered with 401.
 * - Secret: base64 after `whsec_`; any other text is the key as it is, as OpenAI's own library has it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: openai(), secrets: envSecrets('OPENAI_SECRET') })
 * ```
 */
export function openai(): DefinedScheme {
  return scheme;
}
