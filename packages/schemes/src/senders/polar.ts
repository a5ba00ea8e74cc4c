import { type DefinedScheme, defineScheme } from '@countersign/core';
import { standardRule } from './standard-webhooks.ts';

const scheme = defineScheme({
  name: 'polar',
  secret: { encoding: 'utf8' },
  signed: standardRule('webhook'),
  identity: 'id',
  tolerance: { past: 300, future: 300 },
  delivery: {
    retries: 'any-failure',
    timeoutSeconds: 10,
    idStableOverRetries: true,
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Polar',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://polar.sh/docs/integrate/webhooks/delivery',
      'github.com/polarsource/polar-js src/webhooks.ts',
    ],
    assumptions: ['For how long deliveries are tried again is not documented: 24 hours are assumed.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['An endpoint that fails ten times in a row is disabled.'],
  },
});

/**
 * Polar: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`, keyed with the text of the secret.
 *
 * - Identity: the `webhook-id`.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 * - Secret: its text is the key, with whatever it begins with. Polar's library encodes it to base64 only because the library beneath decodes it again.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: polar(), secrets: envSecrets('POLAR_SECRET') })
 * ```
 */
export function polar(): DefinedScheme {
  return scheme;
}
