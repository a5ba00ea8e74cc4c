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
  name: 'greenhouse',
  secret: { encoding: 'utf8' },
  signed: bodyHmac('signature', { prefix: 'sha256 ' }),
  identity: 'body',
  eventType: { bodyField: 'action' },
  unsignedHeaders: { eventId: 'greenhouse-event-id' },

  delivery: UNDOCUMENTED,
  about: {
    sender: 'Greenhouse',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: ['https://developers.greenhouse.io/webhooks.html#authentication'],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [ONE_RUN_PER_BODY],
  },
});

/**
 * Greenhouse: `Signature: sha256 <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: greenhouse(), secrets: envSecrets('GREENHOUSE_WEBHOOK_SECRET') })
 * ```
 */
export function greenhouse(): DefinedScheme<'eventId'> {
  return scheme;
}
