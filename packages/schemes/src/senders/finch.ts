import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'finch',
  secret: { encoding: 'base64' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'finch-signature',
      list: { separator: ' ', assign: ',', label: 'v1' },
      encoding: 'base64',
    },
    timestamp: { header: 'finch-timestamp', unit: 's' },
    id: { header: 'finch-event-id' },
    content: '{id}.{timestamp}.{body}',
  },
  identity: 'id',
  tolerance: { past: 300, future: 300 },
  delivery: { retries: 'unknown', idStableOverRetries: true, retrySignature: 'unknown' },
  about: {
    sender: 'Finch',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://developer.tryfinch.com/how-finch-works/webhooks',
      'github.com/Finch-API/finch-api-node src/resources/webhooks.ts',
    ],
    assumptions: [
      'The id is the same in every retry: Finch calls it the id of the event.',
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
  },
});

/**
 * Finch: `Finch-Signature: v1,<base64> …` over `{Finch-Event-Id}.{Finch-Timestamp}.{body}`.
 *
 * - Identity: the `Finch-Event-Id`.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 * - Secret: base64, without a prefix.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: finch(), secrets: envSecrets('FINCH_SECRET') })
 * ```
 */
export function finch(): DefinedScheme {
  return scheme;
}
