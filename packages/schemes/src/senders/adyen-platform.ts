import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'adyen-platform',
    secret: { encoding: 'hex' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'hmacsignature', encoding: 'base64' },
      content: '{body}',
    },
    identity: 'body',
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 2_592_000,
      timeoutSeconds: 10,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Adyen (platform)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'What a new HMAC key does to deliveries that wait in the retry queue was not found in the documentation.',
      sources: [
        'https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/',
        'github.com/Adyen/adyen-node-api-library src/utils/hmacValidator.ts',
        'https://docs.adyen.com/development-resources/webhooks/troubleshoot',
      ],
      assumptions: [],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'Adyen sends three times within half a minute. Then it retries after waits that grow from 2 minutes to 8 hours, for up to 30 days.',
      ],
    },
  }),
);

/**
 * Adyen platform, banking and management webhooks: `HmacSignature: <base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 30 days; a bad signature gets 401.
 * - Secret: the HMAC key, hex.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: adyenPlatform(), secrets: envSecrets('ADYEN_HMAC_KEY') })
 * ```
 */
export function adyenPlatform(): DefinedScheme {
  return scheme();
}
