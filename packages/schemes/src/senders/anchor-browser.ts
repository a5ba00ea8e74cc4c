import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
      // The formula uses the header, and the signature repeats the time. If they differ, an attacker made the request.
      timestamp: { header: 'anchor-timestamp', entry: 't', unit: 's' },
      content: 'v0:{timestamp}:{body}',
    },
    identity: { bodyField: 'id' },
    tolerance: { past: 120, future: 120 },
    unsignedHeaders: { deliveryId: 'anchor-delivery-id', event: 'anchor-event' },
    eventType: { header: 'anchor-event' },
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
      retryRules: 'documented',
      sources: [
        'https://docs.anchorbrowser.io/webhooks/overview',
        'https://docs.anchorbrowser.io/webhooks/signature-verification',
        'https://docs.anchorbrowser.io/api-reference/webhooks/send-test-event',
      ],
      assumptions: [
        'The key is the 64 hex digits as text: inferred from the sample, which passes the secret on unchanged.',
        "The body's id is the same in every retry: the test endpoint calls it the event id and the sample remembers event ids, but the documentation does not say it.",
        'Timestamps more than 120 s in the future are refused, too: the documentation mentions only "older than 2 minutes".',
        'Anchor-Timestamp and t= must agree: the formula uses the header, and only that is known to be signed.',
        'A retry has a new signature with a new timestamp: otherwise it could not pass the 120 s.',
        'The sender does not document for how long it retries. It calls 24 hours a safe time to remember ids.',
        'The sender does not document whether both secrets sign in the grace period: several v1= are accepted.',
      ],
      rotation: 'The old secret stays valid for 24 hours.',
      notes: [
        'The label in the signed content is v0, the label in the header is v1.',
        'Anchor-Delivery-Id and Anchor-Event are not signed: they are labels.',
        'Bodies are not ASCII: the text field contains emoji.',
      ],
    },
  }),
);

/**
 * Anchor Browser: `Anchor-Signature: t=<seconds>,v1=<hex>` over `v0:{Anchor-Timestamp}:{body}`.
 *
 * - Identity: the body's `id` (assumption). `Anchor-Delivery-Id` is not signed and shows as `webhook.unsignedHeaders.deliveryId`.
 * - Time: 120 s each way; the header and `t=` must be equal.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * `anchorBrowser().definition.about` says what is documented and what is assumed.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: anchorBrowser(), secrets: fileSecrets('/run/secrets/anchor') })
 * ```
 */
export function anchorBrowser(): DefinedScheme<'deliveryId' | 'event'> {
  return scheme();
}
