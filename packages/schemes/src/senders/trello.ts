import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'trello',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha1' },
      signature: { header: 'x-trello-webhook', encoding: 'base64' },
      content: '{body}{url}',
    },
    identity: { bodyField: 'action.id' },
    handshake: { signed: false, when: { method: 'HEAD' }, response: { status: 200 } },
    eventType: { bodyField: 'action.type' },
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
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'A version of the page of 2022 was read in part: the HEAD must get 200. Not found in it: retries and timeout.',
      sources: ['https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/'],
      assumptions: [
        "The body's action.id is the same in every retry, because it is the id of the action.",
        'Retries come after 30, 60 and 120 s.',
      ],
      secretFrom: 'In the administration of the Power-Up: the secret of the API key.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: ['410 deletes the webhook, so Countersign never responds with it.'],
    },
  }),
);

/**
 * Trello: `X-Trello-Webhook: <base64>`, HMAC-SHA1 of the body and the callback URL.
 *
 * - Identity: the body's `action.id`.
 * - Delivery: the sender retries after any response other than 2xx, for 4 minutes; a bad signature gets 401.
 * - Needs `publicUrl`: the URL that you gave Trello.
 * - Every adapter responds to the HEAD by which Trello tests the URL: route HEAD to it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: trello(), secrets: envSecrets('TRELLO_SECRET') })
 * ```
 */
export function trello(): DefinedScheme {
  return scheme();
}
