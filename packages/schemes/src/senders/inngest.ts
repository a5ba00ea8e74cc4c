import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'inngest',
  secret: { encoding: 'utf8', prefix: 'signkey-*-', prefixOptional: true },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'x-inngest-signature',
      list: { separator: '&', assign: '=', label: 's' },
      encoding: 'hex',
    },
    timestamp: { entry: 't', unit: 's' },
    content: '{canonicalJson}{timestamp}',
  },
  identity: 'content',
  tolerance: { past: 300, future: 300 },
  delivery: { retries: 'any-failure', idStableOverRetries: 'unknown', retrySignature: 'renewed' },
  about: {
    sender: 'Inngest',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://www.inngest.com/docs/platform/signing-keys',
      'github.com/inngest/inngest-js packages/inngest/src/helpers/net.ts',
    ],
    assumptions: [
      'A retry is signed anew with a new time: it could not pass 300 s otherwise.',
      'For how long calls are tried again depends on the function: 24 hours are assumed.',
    ],
    rotation: 'A fallback key is accepted beside the signing key: give both.',
    notes: ['The library of Inngest verifies by itself; this is for what stands before it.'],
  },
});

/**
 * Inngest: `X-Inngest-Signature: t=<seconds>&s=<hex>` over the JSON body in canonical form and `{t}`.
 *
 * - Identity: everything that is signed but the time.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 * - Secret: what follows `signkey-<environment>-`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: inngest(), secrets: envSecrets('INNGEST_SECRET') })
 * ```
 */
export function inngest(): DefinedScheme {
  return scheme;
}
