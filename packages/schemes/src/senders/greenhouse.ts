import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import { ONE_RUN_PER_BODY, ONLY_200, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'greenhouse',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('signature', { prefix: 'sha256 ' }),
    identity: 'body',
    eventType: { bodyField: 'action' },
    unsignedHeaders: { eventId: 'greenhouse-event-id' },

    delivery: {
      retries: 'any-failure',
      // 1 + 15 + 60 + 120 + 240 + 480 minutes, and up to 30 s more for each number of the retry.
      retrySpanSeconds: 55_590,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Greenhouse',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'The wait for a response, and replacing the secret, were not found in the documentation.',
      sources: [
        'https://developers.greenhouse.io/webhooks.html#authentication',
        'github.com/grnhse/greenhouse-api-docs source/includes/webhooks/_introduction.md',
      ],
      assumptions: [],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        ONE_RUN_PER_BODY,
        'Greenhouse takes every response other than 200 for a failure, so a verifier acknowledges with 200. Your own responses must have that status, too.',
        'When a webhook is saved, Greenhouse sends a signed ping. If it is refused, the webhook is disabled until you enable it again.',
      ],
    },
  }),
);

/**
 * Greenhouse: `Signature: sha256 <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries six times after any response other than 200, within 15 hours and a half; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: greenhouse(), secrets: envSecrets('GREENHOUSE_WEBHOOK_SECRET') })
 * ```
 */
export function greenhouse(): DefinedScheme<'eventId'> {
  return scheme();
}
