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
    name: 'patreon',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('x-patreon-signature', { hash: 'md5' }),
    identity: 'body',
    eventType: { header: 'x-patreon-event' },
    unsignedHeaders: { event: 'x-patreon-event' },

    delivery: UNDOCUMENTED,
    about: {
      sender: 'Patreon',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'Looked for, but not found: the page of the sender about retries. What stands here comes from public code that receives its webhooks.',
      sources: ['https://docs.patreon.com/#webhooks'],
      assumptions: [RETRIES_UNDOCUMENTED],
      rotation: ROTATION_UNDOCUMENTED,
      notes: ['The event is in a header that is not signed.', ONE_RUN_PER_BODY],
    },
  }),
);

/**
 * Patreon: `X-Patreon-Signature: <hex>`, HMAC-MD5 of the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: patreon(), secrets: envSecrets('PATREON_WEBHOOK_SECRET') })
 * ```
 */
export function patreon(): DefinedScheme<'event'> {
  return scheme();
}
