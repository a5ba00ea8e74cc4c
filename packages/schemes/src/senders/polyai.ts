import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'polyai',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-polyai-signature', encoding: 'hex' },
    timestamp: { header: 'x-polyai-timestamp', unit: 's' },
    content: '{timestamp}.{body}',
  },
  // The event id travels in a header that is not signed: as a replay key it would let a replay through under a new id, and let
  // anyone who holds one signed delivery take the id of another.
  identity: 'body',
  tolerance: { past: 300, future: 300 },
  unsignedHeaders: { eventId: 'x-polyai-event-id' },
  delivery: {
    retries: [408, 429, '5xx'],
    // 1 min + 5 min + 15 min + 1 h + 4 h.
    retrySpanSeconds: 19_260,
    timeoutSeconds: 5,
    idStableOverRetries: true,
    retrySignature: 'renewed',
  },
  about: {
    sender: 'PolyAI (Webhooks and Alerts)',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: [
      'github.com/PolyAI-LDN/polyai-mintlify-doc api-reference/webhooks/introduction.mdx at a662ab58',
      'github.com/PolyAI-LDN/polyai-mintlify-doc api-reference/webhooks/openapi.json',
    ],
    assumptions: [
      'A retry is signed anew with a new time: inferred from a 4-hour retry, which could not pass the documented 300 s otherwise.',
    ],
    rotation: 'The old secret is invalid at once; no overlap.',
    notes: [
      'X-PolyAI-Event-ID is not signed: it is a label. One run per identical body while it is remembered; `deliveryKey` overrides it.',
      'For a few days in mid-2026 the quickstart showed a signature over the body alone. That form has no fresh time and is refused.',
      'Timeouts are 1 to 30 s, set for each endpoint, 5 s by default.',
    ],
  },
});

/**
 * PolyAI: `X-PolyAI-Signature: <hex>` over `{X-PolyAI-Timestamp}.{body}`.
 *
 * - Identity: the body's bytes. `X-PolyAI-Event-ID` is not signed and shows as `webhook.unsignedHeaders.eventId`.
 * - Delivery: six attempts within 5.5 hours after a timeout, 408, 429 or 5xx; any other 4xx loses the event for good. So a
 *   signature that no key matches is answered with 429.
 *
 * What is fact and what is inferred stands in `polyai().definition.about`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: polyai(), secrets: fileSecrets('/run/secrets/polyai') })
 * ```
 */
export function polyai(): DefinedScheme {
  return scheme;
}
