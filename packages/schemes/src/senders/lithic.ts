import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { standardRule } from './standard-webhooks.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'lithic',
    secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true },
    signed: standardRule('webhook'),
    identity: 'id',
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'event_type' },
    delivery: { retries: 'unknown', idStableOverRetries: true, retrySignature: 'unknown' },
    about: {
      sender: 'Lithic',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: 'lithic',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'Only the signature was compared, with the library of the sender: retries, timeout and rotation were not read again.',
      sources: [
        'https://docs.lithic.com/docs/events-api',
        'github.com/lithic-com/lithic-node src/resources/webhooks.ts',
      ],
      assumptions: [
        "The id is the same in every retry, as in the specification that Lithic's library follows.",
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      secretFrom: 'From the API: the secret of the event subscription (`whsec_…`).',
      rotation: 'The sender does not document what happens to the replaced secret.',
    },
  }),
);

/**
 * Lithic: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the `webhook-id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: lithic(), secrets: envSecrets('LITHIC_SECRET') })
 * ```
 */
export function lithic(): DefinedScheme {
  return scheme();
}
