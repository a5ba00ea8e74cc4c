import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'paystack',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha512' },
      signature: { header: 'x-paystack-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    eventType: { bodyField: 'event' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 259_920,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: { contentType: 'text/plain', body: 'OK' },
    },
    about: {
      sender: 'Paystack',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Looked for again, but not found: the pages of the sender about retries, timeout and rotation.',
      sources: [
        'https://paystack.com/docs/payments/webhooks/',
        'github.com/PaystackOSS/doc-code-snippets dist/doc/payments/webhooks/verifying-transaction.js',
      ],
      assumptions: [],
      secretFrom:
        'The secret key of the account (`sk_…`), in Settings, API Keys & Webhooks: Paystack signs webhooks with it.',
      rotation: 'The sender does not document what happens to the replaced secret key.',
      notes: [
        'The sender accepts only 200. If your handler sends the response itself, it must not send 204.',
        'Four attempts come 3 minutes apart, then one every hour for 72 hours; in test mode, one every hour for 10 hours.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Paystack: `x-paystack-signature: <hex>`, HMAC-SHA512 over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200, for 3 days; a bad signature gets 401.
 * - Secret: the API's secret key (`sk_live_…`) of the mode that sends; there is no separate key for webhooks.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: paystack(), secrets: envSecrets('PAYSTACK_SECRET_KEY') })
 * ```
 */
export function paystack(): DefinedScheme {
  return scheme();
}
