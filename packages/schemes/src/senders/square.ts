import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'square',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        EAAA: 'an access token. Paste the signature key of the webhook subscription',
        'sq0csp-': 'the application secret of OAuth. Paste the signature key of the webhook subscription',
        wbhk_: 'the id of a webhook subscription. Paste its signature key',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-square-hmacsha256-signature', encoding: 'base64' },
      content: '{url}{body}',
    },
    identity: { bodyField: 'event_id' },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 259_200,
      timeoutSeconds: 10,
      idStableOverRetries: true,
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Square',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: 'square',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Retries, timeout and the replacement of the key were read, too. Not found: for how long the old key signs.',
      sources: [
        'https://developer.squareup.com/docs/webhooks/step3validate',
        'https://developer.squareup.com/docs/webhooks/overview',
        'https://developer.squareup.com/docs/webhooks/troubleshooting',
        'https://developer.squareup.com/docs/webhooks/step4manage',
        'github.com/square/square-nodejs-sdk src/wrapper/WebhooksHelper.ts',
      ],
      assumptions: [
        'Pages of Square differ about how long it retries, 24 or 72 hours: the longer time is used.',
      ],
      secretFrom:
        'In the Developer Console under Webhooks, Subscriptions: the signature key of the subscription.',
      rotation:
        'An API call replaces the signature key of a subscription. Square does not document for how long the old one signs.',
      notes: [
        'Square disables a subscription whose endpoint has not accepted one delivery within three weeks.',
      ],
    },
  }),
);

/**
 * Square: `x-square-hmacsha256-signature: <base64>` over the notification URL and the body.
 *
 * - Identity: the body's `event_id`.
 * - Delivery: the sender retries after any response other than 2xx, for 3 days; a bad signature gets 401.
 * - Needs `publicUrl`: the URL that you gave Square.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: square(), secrets: envSecrets('SQUARE_SIGNATURE_KEY') })
 * ```
 */
export function square(): DefinedScheme {
  return scheme();
}
