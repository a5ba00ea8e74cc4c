import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'retell',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'x-retell-signature',
      list: { separator: ',', assign: '=', label: 'd' },
      encoding: 'hex',
    },
    timestamp: { entry: 'v', unit: 'ms' },
    content: '{body}{timestamp}',
  },
  identity: 'body',
  tolerance: { past: 300, future: 300 },
  delivery: {
    retries: 'any-failure',
    timeoutSeconds: 10,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Retell AI',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://docs.retellai.com/features/secure-webhook',
      'https://docs.retellai.com/features/webhook',
      'github.com/RetellAI/retell-typescript-sdk src/lib/webhook_auth.ts',
    ],
    assumptions: ['For how long the three tries go on is not documented: 24 hours are assumed.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['One run per identical body while it is remembered.'],
  },
});

/**
 * Retell AI: `x-retell-signature: v=<milliseconds>,d=<hex>` over `{body}{v}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 * - Secret: the API key that has the webhook badge.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: retell(), secrets: envSecrets('RETELL_API_KEY') })
 * ```
 */
export function retell(): DefinedScheme {
  return scheme;
}
