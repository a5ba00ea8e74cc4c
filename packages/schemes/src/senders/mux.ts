import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'mux',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'mux-signature',
      list: { separator: ',', assign: '=', label: 'v1' },
      encoding: 'hex',
    },
    timestamp: { entry: 't', unit: 's' },
    content: '{timestamp}.{body}',
  },
  identity: { bodyField: 'id' },
  tolerance: { past: 300, future: 300 },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 86_400,
    timeoutSeconds: 5,
    idStableOverRetries: true,
    retrySignature: 'renewed',
  },
  about: {
    sender: 'Mux',
    confidence: 'sender-code',
    testedWith: 'sender-library',
    sources: [
      'https://www.mux.com/docs/core/verify-webhook-signatures',
      'https://www.mux.com/docs/core/listen-for-webhooks',
      'github.com/muxinc/mux-node-sdk src/resources/webhooks.ts',
    ],
    assumptions: [
      'A retry is signed anew with a new time: it could not pass 300 s otherwise.',
      "Times in the future are refused after 300 s as well: Mux's library takes any.",
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
  },
});

/**
 * Mux: `mux-signature: t=<seconds>,v1=<hex>` over `{t}.{body}`.
 *
 * - Identity: the body's `id`.
 * - Delivery: any answer but 2xx is tried again for 1 day; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: mux(), secrets: envSecrets('MUX_SECRET') })
 * ```
 */
export function mux(): DefinedScheme {
  return scheme;
}
