import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'dropbox',
  // App secrets have 15 characters.
  secret: { encoding: 'utf8', minBytes: 15 },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-dropbox-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  handshake: {
    signed: false,
    when: { method: 'GET', query: { challenge: true } },
    challenge: { query: 'challenge', characters: 'word', maxLength: 128 },
    response: { text: '{challenge}' },
  },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 600,
    timeoutSeconds: 10,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Dropbox',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://www.dropbox.com/developers/reference/webhooks'],
    assumptions: [],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Only 200 counts as a success: after a 204 Dropbox sends again, which is then answered 200 as a duplicate.',
      'A body names accounts and no changes, and is the same each time: give `deliveryKey`, or `replay: false` where asking twice does no harm.',
    ],
  },
});

/**
 * Dropbox: `X-Dropbox-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 200 is tried again for about 10 minutes; a bad signature is answered with 401.
 * - The verification, a GET with `challenge`, is answered by every adapter: route GET to it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: dropbox(), secrets: envSecrets('DROPBOX_APP_SECRET') })
 * ```
 */
export function dropbox(): DefinedScheme {
  return scheme;
}
