import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'help-scout',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('x-helpscout-signature', { hash: 'sha1', encoding: 'base64' }),
    identity: 'body',
    eventType: { header: 'x-helpscout-event' },
    unsignedHeaders: { event: 'x-helpscout-event' },

    delivery: UNDOCUMENTED,
    about: {
      sender: 'Help Scout',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The part about retries of the documentation could not be read. Replacing the secret was not found.',
      sources: [
        'https://developer.helpscout.com/webhooks/',
        'https://developer.helpscout.com/mailbox-api/endpoints/webhooks/update',
      ],
      assumptions: [RETRIES_UNDOCUMENTED],
      secretFrom:
        'You choose it, with at most 40 characters, when you create the webhook in the Webhooks app or through the API.',
      rotation: ROTATION_UNDOCUMENTED,
      notes: ['The event is in a header that is not signed.', ONE_RUN_PER_BODY],
    },
  }),
);

/**
 * Help Scout: `X-HelpScout-Signature: <base64>`, HMAC-SHA1 of the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: helpScout(), secrets: envSecrets('HELP_SCOUT_WEBHOOK_SECRET') })
 * ```
 */
export function helpScout(): DefinedScheme<'event'> {
  return scheme();
}
