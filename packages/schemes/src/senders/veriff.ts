import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'veriff',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-hmac-signature', encoding: 'hex' },
      keyId: { header: 'x-auth-client' },
      content: '{body}',
    },
    identity: 'body',
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 604_800,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: { contentType: 'text/plain', body: 'OK' },
    },
    about: {
      sender: 'Veriff',
      confidence: 'sender-docs',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'Retries were read, too. Not found: timeout, and what happens to a replaced key.',
      sources: [
        'https://devdocs.veriff.com/docs/hmac-authentication-and-endpoint-security',
        'https://help.veriff.com/en/articles/3250261-how-long-does-it-take-for-veriff-to-communicate-a-decision',
      ],
      assumptions: [
        'All webhooks are assumed to be retried like decisions, about once an hour for 7 days: the documentation describes only decisions.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'The sender accepts only 200. If your handler sends the response itself, it must not send 204.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Veriff: `x-hmac-signature: <hex>` over the body, under the key that `x-auth-client` names.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200, for 7 days; a bad signature gets 401.
 * - Key: give each secret the API key as its `id`; without ids, all keys are tried.
 *
 * @example
 * ```ts
 * const secrets = { current: { id: 'your API key', secret: process.env.VERIFF_SHARED_SECRET } }
 * ```
 */
export function veriff(): DefinedScheme {
  return scheme();
}
