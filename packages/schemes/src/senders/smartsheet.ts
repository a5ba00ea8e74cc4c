import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED_BUT_200,
} from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'smartsheet',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('smartsheet-hmac-sha256'),
    identity: 'body',
    handshake: {
      signed: false,
      when: { method: 'POST', header: { 'smartsheet-hook-challenge': true } },
      challenge: { header: 'smartsheet-hook-challenge', characters: 'word', maxLength: 128 },
      response: {
        json: { smartsheetHookResponse: '{challenge}' },
        headers: { 'smartsheet-hook-response': '{challenge}' },
      },
    },
    delivery: UNDOCUMENTED_BUT_200,
    about: {
      sender: 'Smartsheet',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The pages about callbacks and status were read in part: status 200, and a webhook that can be disabled. Not found: retries and timeout.',
      sources: [
        'https://developers.smartsheet.com/api/smartsheet/guides/webhooks/webhook-verification',
        'https://developers.smartsheet.com/api/smartsheet/guides/webhooks/webhook-callbacks',
        'https://developers.smartsheet.com/api/smartsheet/guides/webhooks/webhook-status',
      ],
      assumptions: [RETRIES_UNDOCUMENTED],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'Smartsheet repeats its challenge after every 100 callbacks; it is not signed.',
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

/**
 * Smartsheet: `Smartsheet-Hmac-SHA256: <hex>` over the body, under the sharedSecret of the webhook.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Every adapter responds to the verification, a POST with `Smartsheet-Hook-Challenge`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: smartsheet(), secrets: envSecrets('SMARTSHEET_SHARED_SECRET') })
 * ```
 */
export function smartsheet(): DefinedScheme {
  return scheme();
}
