import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'xero',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-xero-signature', encoding: 'base64' },
      content: '{body}',
    },
    identity: 'body',
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      timeoutSeconds: 5,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      demands401: true,
      demandsEmptyBody: true,
      // Not 204: Xero's portal reports "Response not 200".
      acknowledgement: { contentType: 'text/plain', body: '' },
    },
    about: {
      sender: 'Xero',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Not found: the documentation of the sender. What its portal accepts is known from reports of its users.',
      sources: [
        'https://developer.xero.com/documentation/guides/webhooks/overview/',
        'https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/',
        'github.com/foxbytehq/laravel-xero-oauth2 issue 54 (what the portal reports)',
      ],
      assumptions: [],
      secretFrom: 'In My Apps, Webhooks: the webhooks key.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'The portal reports "Response contains a body" and "Response not 200": so refusals have no body here, and duplicates get 200 without one. Your handler must respond with 200 and no body, too.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Xero: `x-xero-signature: <base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 * - The intent to receive is a series of requests, some of them with wrong signatures: those with right signatures reach the
 *   handler, the others get 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: xero(), secrets: envSecrets('XERO_WEBHOOK_KEY') })
 * ```
 */
export function xero(): DefinedScheme {
  return scheme();
}
