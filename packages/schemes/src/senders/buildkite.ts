import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'buildkite',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'x-buildkite-signature',
      list: { separator: ',', assign: '=', label: 'signature' },
      encoding: 'hex',
    },
    timestamp: { entry: 'timestamp', unit: 's' },
    content: '{timestamp}.{body}',
  },
  identity: 'body',
  tolerance: { past: 300, future: 300 },
  unsignedHeaders: { event: 'x-buildkite-event' },
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Buildkite',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://buildkite.com/docs/apis/webhooks/pipelines'],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
      'Tolerance is 300 s both ways: none is documented.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'A webhook may send the token itself (X-Buildkite-Token) instead: choose the signature in its settings.',
      'One run per identical body while it is remembered.',
    ],
  },
});

/**
 * Buildkite: `X-Buildkite-Signature: timestamp=<seconds>,signature=<hex>` over `{timestamp}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: buildkite(), secrets: envSecrets('BUILDKITE_SECRET') })
 * ```
 */
export function buildkite(): DefinedScheme {
  return scheme;
}
