import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONLY_200 } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'intercom',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        dG9r: 'an access token of Intercom. Paste the client secret of the app',
      },
    },
    signed: {
      algorithm: { hmac: 'sha1' },
      signature: { header: 'x-hub-signature', prefix: 'sha1=', encoding: 'hex' },
      content: '{body}',
    },
    identity: { bodyField: 'id' },
    eventType: { bodyField: 'topic' },
    delivery: {
      retries: 'any-failure',
      timeoutSeconds: 5,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Intercom',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'For how long Intercom retries after an answer other than 429, and replacing the secret, were not found in the documentation.',
      sources: [
        'https://developers.intercom.com/docs/webhooks/setting-up-webhooks',
        'https://developers.intercom.com/docs/webhooks/webhook-notifications',
      ],
      assumptions: [
        "The body's id is the same in every retry: it is the id of the notification, which counts its delivery attempts.",
        'The sender does not document for how long it retries: 24 hours are assumed.',
      ],
      secretFrom: 'In the Developer Hub under Basic information: the client secret of the app.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        '410 ends the subscription, so Countersign never responds with it.',
        'Only 200 counts as a success: do not respond with another 2xx yourself.',
        'More than 1000 refusals in a row within 15 minutes pause a topic for 15 minutes.',
        'After more than 1,000 errors in a row within 15 minutes, Intercom pauses for 15 minutes. It suspends the webhooks of a private app after seven days of errors.',
        'After a 429, Intercom waits from 1 minute to 2 hours, and may drop notifications.',
      ],
    },
  }),
);

/**
 * Intercom: `X-Hub-Signature: sha1=<hex>`, HMAC-SHA1 of the body.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender retries after any response other than 200; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: intercom(), secrets: envSecrets('INTERCOM_CLIENT_SECRET') })
 * ```
 */
export function intercom(): DefinedScheme {
  return scheme();
}
