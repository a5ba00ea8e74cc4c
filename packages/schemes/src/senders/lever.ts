import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { RETRIES_UNDOCUMENTED, ROTATION_UNDOCUMENTED, UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'lever',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { field: 'signature', encoding: 'hex' },
      content: '{field:token}{field:triggeredAt}',
      safeBecause:
        'The time must be within the tolerance, so there is only one way to split the two: the last 13 digits are the time, the rest is the token.',
    },
    identity: 'content',
    eventType: { bodyField: 'event' },
    bodyTimestamp: { field: 'triggeredAt', unit: 'ms', past: 86_400, future: 300 },

    delivery: UNDOCUMENTED,
    about: {
      sender: 'Lever',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        "The facts come from public code that receives its webhooks. Lever's own page about retries could not be read.",
      sources: [
        'https://hire.lever.co/developer/documentation#webhooks',
        'https://help.lever.co/hc/en-us/articles/20087284427677-Configuring-webhooks',
      ],
      assumptions: [
        'A retry may repeat its token and time, so they are accepted for as long as retries may last.',
        RETRIES_UNDOCUMENTED,
      ],
      rotation: ROTATION_UNDOCUMENTED,
      notes: ['Each token is accepted once: the same token again is a duplicate.'],
    },
  }),
);

/**
 * Lever: `signature` in the body, in hex, over `token` and `triggeredAt`. The rest of the body is not signed.
 *
 * - Identity: everything that is signed: `token` and `triggeredAt`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - `webhook.bodyAuthenticated` is `false`: an attacker who sees one delivery can send another body with its signature, once. Fetch the resource if that matters.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: lever(), secrets: envSecrets('LEVER_SIGNATURE_TOKEN') })
 * ```
 */
export function lever(): DefinedScheme {
  return scheme();
}
