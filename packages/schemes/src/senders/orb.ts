import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'orb',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'x-orb-signature',
      list: { separator: ' ', assign: '=', label: 'v1' },
      encoding: 'hex',
    },
    timestamp: { header: 'x-orb-timestamp', unit: 'iso-utc' },
    content: 'v1:{timestamp}:{body}',
  },
  identity: { bodyField: 'id' },
  tolerance: { past: 300, future: 300 },
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Orb',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://docs.withorb.com/events-and-metrics/webhooks',
      'github.com/orbcorp/orb-node src/resources/webhooks.ts',
    ],
    assumptions: [
      "The body's id is the same in every retry: documented is that it identifies the event.",
      'Times in the future are refused after 300 s as well.',
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
  },
});

/**
 * Orb: `X-Orb-Signature: v1=<hex> …` over `v1:{X-Orb-Timestamp}:{body}`.
 *
 * - Identity: the body's `id`.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 * - The time is ISO 8601 without a zone, and means UTC.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: orb(), secrets: envSecrets('ORB_SECRET') })
 * ```
 */
export function orb(): DefinedScheme {
  return scheme;
}
