import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'coinbase-commerce',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-cc-webhook-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: { bodyField: 'event.id' },
    eventType: { bodyField: 'event.type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 259_200,
      idStableOverRetries: 'unknown',
      retrySignature: 'renewed',
      acknowledgement: { contentType: 'text/plain', body: 'OK' },
    },
    about: {
      sender: 'Coinbase Commerce',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Only the signature was compared, with published signatures: retries, timeout and rotation were not read again.',
      sources: [
        'https://docs.cdp.coinbase.com/commerce-onchain/docs/webhooks-security',
        'https://docs.cloud.coinbase.com/commerce/docs/webhooks-fields-and-security',
        'github.com/coinbase/coinbase-commerce-node lib/Webhook.js',
      ],
      assumptions: [
        "The body's event.id is the same in every retry: the documentation says only that the body around it counts the attempts.",
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'The documentation mentions only 200 as a success. If your handler sends the response itself, it should not send 204.',
      ],
    },
  }),
);

/**
 * Coinbase Commerce: `X-CC-Webhook-Signature: <hex>` over the body.
 *
 * - Identity: the body's `event.id`.
 * - Delivery: the sender retries after any response other than 200, for 3 days; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: coinbaseCommerce(), secrets: envSecrets('COINBASE_COMMERCE_SECRET') })
 * ```
 */
export function coinbaseCommerce(): DefinedScheme {
  return scheme();
}
