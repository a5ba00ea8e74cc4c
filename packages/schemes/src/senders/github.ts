import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'github',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    // The SHA-1 signature in X-Hub-Signature is not read: GitHub keeps sending it for old receivers only.
    signature: { header: 'x-hub-signature-256', prefix: 'sha256=', encoding: 'hex' },
    content: '{body}',
  },
  // X-GitHub-Delivery is not signed: as a replay key it would let a replay through under a new id, and let anyone who holds one
  // signed delivery take the id of another.
  identity: 'body',
  unsignedHeaders: { deliveryId: 'x-github-delivery', event: 'x-github-event', hookId: 'x-github-hook-id' },
  delivery: {
    retries: 'never',
    timeoutSeconds: 10,
    idStableOverRetries: true,
    retrySignature: 'repeated',
    maxBodyBytes: 25 * 1024 * 1024,
  },
  about: {
    sender: 'GitHub',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries',
      'https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries',
      'github.com/github/docs issue 32822 (the delivery id repeats on redelivery)',
    ],
    assumptions: [
      'A redelivery repeats the first signature. Whether one that falls after a rotation is signed anew is not documented: keep the old secret as `previous` until failed deliveries were redelivered.',
    ],
    rotation: 'One secret for each webhook, replaced at once; no overlap is documented.',
    notes: [
      'GitHub tries nothing again: whatever is refused here, for a wrong secret, a full store or a restart, is lost until someone asks for a redelivery, by hand or through the API. Publish a new secret as `next` before setting it at GitHub.',
      'A redelivery has the same body and the same signature: after the delivery was handled once, it is answered as a duplicate.',
      'X-GitHub-Delivery and X-GitHub-Event are not signed: they are labels. One run per identical body while it is remembered; `deliveryKey` overrides it.',
      'No time is signed: a captured delivery can be replayed once it is forgotten, after seven days.',
    ],
  },
});

/**
 * GitHub: `X-Hub-Signature-256: sha256=<hex>` over the body alone. The SHA-1 header is ignored.
 *
 * - Identity: the body's bytes. `X-GitHub-Delivery` and `X-GitHub-Event` are not signed and show as `webhook.unsignedHeaders.deliveryId`
 *   and `webhook.unsignedHeaders.event`.
 * - Delivery: **nothing is ever tried again.** A refusal, whatever its status, costs the event until someone asks GitHub for a
 *   redelivery, by hand or through the API. During a rotation that means: publish the new secret as `next` first.
 * - Bodies of up to 25 MiB, GitHub's own limit.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: github(), secrets: { current: oldSecret, next: newSecret } })
 * ```
 */
export function github(): DefinedScheme {
  return scheme;
}
