import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
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
    retrySpanSeconds: 86_400,
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
      'Only the signature was compared, with the library of the sender: retries, timeout and rotation were not read again.',
    sources: [
      'https://developer.squareup.com/docs/webhooks/step3validate',
      'https://developer.squareup.com/docs/webhooks/overview',
      'github.com/square/square-nodejs-sdk src/wrapper/WebhooksHelper.ts',
    ],
    assumptions: [],
    secretFrom:
      'In the Developer Console under Webhooks, Subscriptions: the signature key of the subscription.',
    rotation: 'The sender does not document what happens to the replaced secret.',
  },
});

/**
 * Square: `x-square-hmacsha256-signature: <base64>` over the notification URL and the body.
 *
 * - Identity: the body's `event_id`.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 * - Needs `publicUrl`: the URL that you gave Square.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: square(), secrets: envSecrets('SQUARE_SIGNATURE_KEY') })
 * ```
 */
export function square(): DefinedScheme {
  return scheme;
}
