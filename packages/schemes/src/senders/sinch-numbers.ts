import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { UNDOCUMENTED_BUT_200 } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'sinch-numbers',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha1' },
      signature: { header: 'x-sinch-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    delivery: UNDOCUMENTED_BUT_200,
    about: {
      sender: 'Sinch (Numbers)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The page about callbacks was read: HMAC-SHA1, 200 OK, and that failed events are retried. Not found: which statuses, and for how long.',
      sources: [
        'https://developers.sinch.com/docs/numbers/api-reference/numbers/callbacks-numbers',
        'github.com/sinch/sinch-sdk-node packages/numbers/src',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Sinch asks for 200. If your handler sends the response itself, it should send 200.',
        'The secret is the hmacSecret of the callback configuration: each project has its own.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Sinch Numbers: `x-sinch-signature: <hex>`, HMAC-SHA1 of the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: sinchNumbers(), secrets: envSecrets('SINCH_NUMBERS_SECRET') })
 * ```
 */
export function sinchNumbers(): DefinedScheme {
  return scheme();
}
