import { type DefinedScheme, defineScheme } from '@countersign/core';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED_BUT_200,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'todoist',
  secret: { encoding: 'utf8' },
  signed: bodyHmac('x-todoist-hmac-sha256', { encoding: 'base64' }),
  identity: 'body',
  eventType: { bodyField: 'event_name' },
  unsignedHeaders: { deliveryId: 'x-todoist-delivery-id' },

  delivery: UNDOCUMENTED_BUT_200,
  about: {
    sender: 'Todoist',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: ['https://developer.todoist.com/api/v1/#tag/Webhooks'],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [ONE_RUN_PER_BODY],
  },
});

/**
 * Todoist: `X-Todoist-Hmac-SHA256: <base64>` over the body, under the client secret of the app.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: todoist(), secrets: envSecrets('TODOIST_CLIENT_SECRET') })
 * ```
 */
export function todoist(): DefinedScheme<'deliveryId'> {
  return scheme;
}
