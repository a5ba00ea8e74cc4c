import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'polyai',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-polyai-signature', encoding: 'hex' },
      timestamp: { header: 'x-polyai-timestamp', unit: 's' },
      content: '{timestamp}.{body}',
    },
    // The event id is in a header that is not signed. If it were the replay key, an attacker with one captured delivery could
    // replay it under a new id, or use the id of another delivery to block that one.
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
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Header, signature, window and retries were read again. Not found: the form of the secret, and where it is shown.',
      sources: [
        'github.com/PolyAI-LDN/polyai-mintlify-doc api-reference/webhooks/introduction.mdx',
        'github.com/PolyAI-LDN/polyai-mintlify-doc api-reference/webhooks/openapi.json',
      ],
      assumptions: [
        'A retry has a new signature with a new timestamp: inferred from a retry after 4 hours, which otherwise could not pass the documented 300 s.',
      ],
      rotation: 'The old secret is invalid at once; no overlap.',
      notes: [
        'X-PolyAI-Event-ID is not signed: it is a label. Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'For a few days in mid-2026 the quickstart showed a signature only over the body. Such a signature has no timestamp, so it is refused.',
        'Timeouts are 1 to 30 s, set for each endpoint, 5 s by default.',
      ],
    },
  }),
);

/**
 * PolyAI: `X-PolyAI-Signature: <hex>` over `{X-PolyAI-Timestamp}.{body}`.
 *
 * - Identity: the body's bytes. `X-PolyAI-Event-ID` is not signed and shows as `webhook.unsignedHeaders.eventId`.
 * - Delivery: six attempts within 5.5 hours after a timeout, 408, 429 or 5xx; after any other 4xx the event is lost for good. So
 *   a signature that matches no key gets 429.
 *
 * `polyai().definition.about` says what is documented and what is inferred.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: polyai(), secrets: fileSecrets('/run/secrets/polyai') })
 * ```
 */
export function polyai(): DefinedScheme<'eventId'> {
  return scheme();
}
