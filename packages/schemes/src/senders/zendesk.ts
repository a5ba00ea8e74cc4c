import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
    eventType: { bodyField: 'type' },
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
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Looked for again, but not found: the pages of the sender about retries. A third party names 10 s as the timeout.',
      sources: [
        'https://developer.zendesk.com/documentation/webhooks/verifying/',
        'https://developer.zendesk.com/documentation/webhooks/webhook-security-and-authentication/',
      ],
      assumptions: [
        '429 and 503 are retried only if Retry-After is below 60 s.',
        'The sender does not document for how long it retries: 24 hours are assumed.',
        'The sender documents no tolerance: 300 s each way are assumed.',
      ],
      secretFrom: 'In the Admin Center, on the page of the webhook: the signing secret.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'If a body is empty or always the same, such deliveries count as one while the first is remembered. Put an id or a time into the body, or pass `deliveryKey`.',
      ],
    },
  }),
);

/**
 * Zendesk: `X-Zendesk-Webhook-Signature: <base64>` over `{X-Zendesk-Webhook-Signature-Timestamp}{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries only after 409, 429 and 503; a bad signature gets 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: zendesk(), secrets: envSecrets('ZENDESK_SECRET') })
 * ```
 */
export function zendesk(): DefinedScheme<'invocationId'> {
  return scheme();
}
