import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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

    // This request is not signed, and the response signs a text from it: so the text must be digits, which can't be a payload.
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
      testedWith: 'sender-library',
      library: 'braintree',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "Braintree's own page about retries could not be read. Its rules were read in a plugin that quotes them. Replacing the private key was not found.",
      sources: [
        'https://developer.paypal.com/braintree/docs/guides/webhooks/parse/node',
        'github.com/braintree/braintree_node lib/braintree/webhook_notification_gateway.js',
        'https://developer.paypal.com/braintree/docs/guides/webhooks/parse',
      ],
      assumptions: [
        "The signature may or may not cover a trailing line break of the payload: both are tried, as in Braintree's library.",
      ],
      secretFrom: 'In the Control Panel under API: the private key, with the public key as its `id`.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Braintree sends again every hour: for up to 24 hours in production and 3 hours in the sandbox.',
      ],
    },
  }),
);

/**
 * Braintree: form fields `bt_payload` and `bt_signature: <public key>|<hex>&…`, HMAC-SHA1 under the SHA-1 of the private key.
 *
 * - Identity: everything that is signed except the timestamp.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 * - Key: give each private key its public key as `id`: the response to the challenge contains it.
 * - Every adapter responds to the check of the URL, a GET with `bt_challenge`: route GET to it.
 *
 * @example
 * ```ts
 * const secrets = { current: { id: 'your public key', secret: process.env.BRAINTREE_PRIVATE_KEY } }
 * ```
 */
export function braintree(): DefinedScheme {
  return scheme();
}
