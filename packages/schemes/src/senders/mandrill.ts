import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'mandrill',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha1' },
      signature: { header: 'x-mandrill-signature', encoding: 'base64' },
      parts: { form: { sorted: 'form', pair: '{name}{value}' } },
      content: '{url}{form}',
      safeBecause:
        'Names and values of the form are signed without separators, so an attacker can move text between them. The result counts as the same delivery and does not run again. For each request, the verifier checks where the URL ends; if the request adds a query to `publicUrl`, `webhook.bodyAuthenticated` is `false`.',
    },
    identity: 'content',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Mandrill',
      confidence: 'sender-docs',
      testedWith: 'published-vectors',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The page about webhooks was read in part: a failed batch is retried until you give it up. Not found: how often and for how long, and what happens to a replaced key.',
      sources: [
        'https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/',
        'https://mailchimp.com/developer/transactional/docs/webhooks/',
        'https://mandrill.zendesk.com/hc/en-us/articles/205583277-Can-I-stop-a-failed-webhook-batch-from-retrying-',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'The form field mandrill_events contains up to 1,000 events as JSON.',
        'While you create a webhook, Mandrill tests the URL with a HEAD and with a POST signed with the key test-webhook. Both are refused: create the webhook first, then configure its key.',
      ],
    },
  }),
);

/**
 * Mandrill (Mailchimp Transactional): `X-Mandrill-Signature: <base64>`, HMAC-SHA1 of the URL and the sorted form.
 *
 * - Identity: everything that is signed except the timestamp.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Needs `publicUrl`: the URL that you gave Mandrill.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: mandrill(), secrets: envSecrets('MANDRILL_WEBHOOK_KEY') })
 * ```
 */
export function mandrill(): DefinedScheme {
  return scheme();
}
