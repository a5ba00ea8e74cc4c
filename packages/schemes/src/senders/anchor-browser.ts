import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'anchor-browser',
  // The secret looks like hex and is used as text.
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'anchor-signature',
      list: { separator: ',', assign: '=', label: 'v1' },
      encoding: 'hex',
    },
    // The formula names the header, the signature repeats the time: a request in which they differ was put together by someone.
    timestamp: { header: 'anchor-timestamp', entry: 't', unit: 's' },
    content: 'v0:{timestamp}:{body}',
  },
  identity: { bodyField: 'id' },
  tolerance: { past: 120, future: 120 },
  unsignedHeaders: { deliveryId: 'anchor-delivery-id', event: 'anchor-event' },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 86_400,
    timeoutSeconds: 10,
    idStableOverRetries: 'unknown',
    retrySignature: 'renewed',
  },
  about: {
    sender: 'Anchor Browser',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: [
      'https://docs.anchorbrowser.io/webhooks/overview',
      'https://docs.anchorbrowser.io/webhooks/signature-verification',
      'https://docs.anchorbrowser.io/api-reference/webhooks/send-test-event',
    ],
    assumptions: [
      'The key is the 64 hex digits as text: inferred from the sample, which passes the secret straight on.',
      "The body's id is the same in every retry: the test endpoint calls it the event id and the sample keeps seen event ids, but no sentence says it.",
      'Times in the future are refused after 120 s as well: documented is only "older than 2 minutes".',
      'Anchor-Timestamp and t= must agree: the formula uses the header, and only that is known to be signed.',
      'A retry is signed anew with a new time: it could not pass 120 s otherwise.',
      'The span of the retries is not documented; Anchor calls 24 hours a safe time to remember ids.',
      'Whether both secrets sign in the grace period is not documented: several v1= are accepted.',
    ],
    rotation: 'The old secret stays valid for 24 hours.',
    notes: [
      'The label in the signed content is v0, the label in the header is v1.',
      'Anchor-Delivery-Id and Anchor-Event are not signed: they are labels.',
      'Bodies are not ASCII: the text field holds emoji.',
    ],
  },
});

/**
 * Anchor Browser: `Anchor-Signature: t=<seconds>,v1=<hex>` over `v0:{Anchor-Timestamp}:{body}`.
 *
 * - Identity: the body's `id` (assumption). `Anchor-Delivery-Id` is not signed and shows as `webhook.unsignedHeaders.deliveryId`.
 * - Time: 120 s each way; the header and `t=` must say the same.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 *
 * What is fact and what is assumed stands in `anchorBrowser().definition.about`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: anchorBrowser(), secrets: fileSecrets('/run/secrets/anchor') })
 * ```
 */
export function anchorBrowser(): DefinedScheme {
  return scheme;
}
