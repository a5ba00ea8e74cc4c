import { type DefinedScheme, defineScheme } from '@countersign/core';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'help-scout',
  secret: { encoding: 'utf8' },
  signed: bodyHmac('x-helpscout-signature', { hash: 'sha1', encoding: 'base64' }),
  identity: 'body',
  eventType: { header: 'x-helpscout-event' },
  unsignedHeaders: { event: 'x-helpscout-event' },

  delivery: UNDOCUMENTED,
  about: {
    sender: 'Help Scout',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: ['https://developer.helpscout.com/webhooks/'],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: ['The event is in a header that is not signed.', ONE_RUN_PER_BODY],
  },
});

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
  return scheme;
}
