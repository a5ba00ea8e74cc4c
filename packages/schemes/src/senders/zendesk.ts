import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'zendesk',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-zendesk-webhook-signature', encoding: 'base64' },
    timestamp: { header: 'x-zendesk-webhook-signature-timestamp', unit: 'iso' },
    content: '{timestamp}{body}',
  },
  identity: 'body',
  tolerance: { past: 300, future: 300 },
  unsignedHeaders: { invocationId: 'x-zendesk-webhook-invocation-id' },
  delivery: {
    retries: [409, 429, 503],
    timeoutSeconds: 12,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Zendesk',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: [
      'https://developer.zendesk.com/documentation/webhooks/verifying/',
      'https://developer.zendesk.com/documentation/webhooks/webhook-security-and-authentication/',
    ],
    assumptions: [
      '429 and 503 are tried again where Retry-After is below 60 s.',
      'For how long is not documented: 24 hours are assumed.',
      'Tolerance is 300 s both ways: none is documented.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'A body may be empty or always the same: such deliveries count as one while it is remembered. Put an id or a time into the body, or give `deliveryKey`.',
    ],
  },
});

/**
 * Zendesk: `X-Zendesk-Webhook-Signature: <base64>` over `{X-Zendesk-Webhook-Signature-Timestamp}{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: only 409, 429, 503 are tried again; a bad signature is answered with 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: zendesk(), secrets: envSecrets('ZENDESK_SECRET') })
 * ```
 */
export function zendesk(): DefinedScheme {
  return scheme;
}
