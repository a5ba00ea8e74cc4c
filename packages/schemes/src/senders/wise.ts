import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'wise',
  secret: { publicKey: 'rsa', encoding: 'pem' },
  signed: {
    algorithm: { publicKey: 'rsa', hash: 'sha256' },
    signature: { header: 'x-signature-sha256', encoding: 'base64' },
    content: '{body}',
  },
  identity: 'body',
  unsignedHeaders: { deliveryId: 'x-delivery-id', test: 'x-test-notification' },
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
    sources: [
      'https://docs.wise.com/api-docs/features/webhooks-notifications/event-handling',
      'https://docs.wise.com/webhooks-notifications',
    ],
    assumptions: [
      '5xx is tried again for 14 days, and answers like 400 three times at most: 401 is taken to be one of those.',
    ],
    rotation: 'Wise announces new keys: publish one as `next` beside the old one.',
    notes: [
      'Wise waits as Retry-After says.',
      'One page of Wise takes any 2xx for received, another 200 alone: where the handler answers by itself, it should say 200.',
      'Deliveries are remembered for two weeks, as long as Wise tries.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Wise: `X-Signature-SHA256: <base64>`, RSA PKCS#1 v1.5 with SHA-256 over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: 5xx is tried again for 14 days; a bad signature is answered with 503.
 * - Secret: the public key that Wise publishes, as PEM; the sandbox has one of its own.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: wise(), secrets: envSecrets('WISE_PUBLIC_KEY') })
 * ```
 */
export function wise(): DefinedScheme {
  return scheme;
}
