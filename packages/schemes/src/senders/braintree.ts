import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'braintree',
  secret: { encoding: 'utf8', derive: [{ hash: 'sha1' }] },
  signed: {
    algorithm: { hmac: 'sha1' },
    signature: {
      formField: 'bt_signature',
      list: { separator: '&', assign: '|', keyIds: true },
      encoding: 'hex',
    },
    content: ['{formField:bt_payload}', '{formField:bt_payload}\n'],
  },
  identity: 'content',

  // Nothing signs this request, and its answer signs what it asks for: only digits that can be no payload are taken.
  handshake: {
    signed: false,
    when: { method: 'GET', query: { bt_challenge: true } },
    challenge: { query: 'bt_challenge', characters: 'hex', maxLength: 32 },
    mac: { hmac: 'sha1', encoding: 'hex' },
    response: { text: '{keyId}|{mac}' },
  },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 86_400,
    timeoutSeconds: 30,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Braintree',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://developer.paypal.com/braintree/docs/guides/webhooks/parse/node',
      'github.com/braintree/braintree_node lib/braintree/webhook_notification_gateway.js',
    ],
    assumptions: [
      "A trailing line break of the payload may or may not be signed: both are tried, as Braintree's library does.",
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
  },
});

/**
 * Braintree: form fields `bt_payload` and `bt_signature: <public key>|<hex>&…`, HMAC-SHA1 under the SHA-1 of the private key.
 *
 * - Identity: everything that is signed but the time.
 * - Delivery: any answer but 2xx is tried again for 1 day; a bad signature is answered with 401.
 * - Key: give each private key its public key as `id`: the challenge is answered with it.
 * - The check of an address, a GET with `bt_challenge`, is answered by every adapter: route GET to it.
 *
 * @example
 * ```ts
 * const secrets = { current: { id: 'your public key', secret: process.env.BRAINTREE_PRIVATE_KEY } }
 * ```
 */
export function braintree(): DefinedScheme {
  return scheme;
}
