import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'wise',
    secret: { publicKey: 'rsa', encoding: 'pem' },
    signed: {
      algorithm: { publicKey: 'rsa', hash: 'sha256' },
      signature: { header: 'x-signature-sha256', encoding: 'base64' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: { deliveryId: 'x-delivery-id', test: 'x-test-notification' },
    eventType: { bodyField: 'event_type' },
    delivery: {
      retries: ['5xx'],
      retrySpanSeconds: 1_209_600,
      timeoutSeconds: 5,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: { contentType: 'text/plain', body: 'OK' },
    },
    about: {
      sender: 'Wise',
      confidence: 'sender-docs',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Retries and timeout were read, too. Not found: which statuses are retried at most three times, besides 400.',
      sources: [
        'https://docs.wise.com/api-docs/features/webhooks-notifications/event-handling',
        'https://docs.wise.com/webhooks-notifications',
        'https://docs.wise.com/guides/developer/webhooks/event-handling.md',
      ],
      assumptions: [
        '5xx is retried for 14 days, and responses like 400 at most three times: 401 is assumed to be one of those.',
      ],
      secretFrom: 'Wise publishes its public keys: one for production, one for the sandbox.',
      rotation: 'Wise announces new keys: publish the new key as `next`.',
      notes: [
        'Wise waits as Retry-After says.',
        "One page of Wise's documentation accepts any 2xx, another only 200. If your handler sends the response itself, it should send 200.",
        'Deliveries are remembered for two weeks, because Wise retries for that long.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Wise: `X-Signature-SHA256: <base64>`, RSA PKCS#1 v1.5 with SHA-256 over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: 5xx is retried for 14 days; a bad signature gets 503.
 * - Secret: the public key that Wise publishes, as PEM; the sandbox has its own.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: wise(), secrets: envSecrets('WISE_PUBLIC_KEY') })
 * ```
 */
export function wise(): DefinedScheme<'deliveryId' | 'test'> {
  return scheme();
}
