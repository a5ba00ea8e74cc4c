import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONLY_200 } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'dropbox',
    // App secrets have 15 characters.
    secret: {
      encoding: 'utf8',
      minBytes: 15,
      mistakenFor: {
        'sl.': 'an access token of Dropbox. Paste the app secret',
      },
    },
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
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Dropbox',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      sources: ['https://www.dropbox.com/developers/reference/webhooks'],
      assumptions: [],
      secretFrom: 'In the App Console, on the page of the app: the app secret.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Only 200 counts as a success: do not respond with another 2xx yourself.',
        'A body names accounts, not changes, and is the same each time. Pass `deliveryKey`, or `replay: false` if fetching the changes twice does no harm.',
      ],
    },
  }),
);

/**
 * Dropbox: `X-Dropbox-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200, for about 10 minutes; a bad signature gets 401.
 * - Every adapter responds to the verification, a GET with `challenge`: route GET to it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: dropbox(), secrets: envSecrets('DROPBOX_APP_SECRET') })
 * ```
 */
export function dropbox(): DefinedScheme {
  return scheme();
}
