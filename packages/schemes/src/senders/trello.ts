import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'trello',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha1' },
    signature: { header: 'x-trello-webhook', encoding: 'base64' },
    content: '{body}{url}',
  },
  identity: { bodyField: 'action.id' },
  handshake: { signed: false, when: { method: 'HEAD' }, response: { status: 200 } },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 210,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Trello',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/'],
    assumptions: [
      "The body's action.id is the same in every retry: it is that of the action.",
      'Tries come after 30, 60 and 120 s.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['410 deletes the webhook: it is never answered.'],
  },
});

/**
 * Trello: `X-Trello-Webhook: <base64>`, HMAC-SHA1 of the body and the callback address.
 *
 * - Identity: the body's `action.id`.
 * - Delivery: any answer but 2xx is tried again for 4 minutes; a bad signature is answered with 401.
 * - Needs `publicUrl`: the address that Trello was given.
 * - The HEAD by which Trello tests an address is answered by every adapter: route HEAD to it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: trello(), secrets: envSecrets('TRELLO_SECRET') })
 * ```
 */
export function trello(): DefinedScheme {
  return scheme;
}
