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
  eventType: { bodyField: 'event_type' },
  delivery: { retries: 'unknown', idStableOverRetries: true, retrySignature: 'unknown' },
  about: {
    sender: 'Finch',
    confidence: 'sender-code',
    testedWith: 'sender-library',
    library: '@tryfinch/finch-api',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound:
      'Only the signature was compared, with the library of the sender: retries, timeout and rotation were not read again.',
    sources: [
      'https://developer.tryfinch.com/how-finch-works/webhooks',
      'github.com/Finch-API/finch-api-node src/resources/webhooks.ts',
    ],
    assumptions: [
      'The id is the same in every retry, because Finch calls it the id of the event.',
      'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
    ],
    rotation: 'The sender does not document what happens to the replaced secret.',
  },
});

/**
 * Finch: `Finch-Signature: v1,<base64> …` over `{Finch-Event-Id}.{Finch-Timestamp}.{body}`.
 *
 * - Identity: the `Finch-Event-Id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
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
