import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'airtable',
    secret: { encoding: 'base64' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-airtable-content-mac', prefix: 'hmac-sha256=', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    delivery: {
      retries: 'any-failure',
      // 13 attempts, with waits that double from 10 s: documented as about a day.
      retrySpanSeconds: 86_400,
      timeoutSeconds: 25,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Airtable',
      confidence: 'sender-docs',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Only the signature was compared, with published signatures: retries, timeout and rotation were not read again.',
      sources: ['https://airtable.com/developers/web/api/webhooks-overview'],
      assumptions: [],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'A body only says that something changed: fetch the payloads.',
        'Only 200 and 204 count as successes. After the last attempt, Airtable drops the notification and disables notifications until you enable them again.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Airtable: `X-Airtable-Content-MAC: hmac-sha256=<hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200 and 204, for 1 day; a bad signature gets 401.
 * - Secret: `macSecretBase64` of the response that created the webhook.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: airtable(), secrets: envSecrets('AIRTABLE_MAC_SECRET') })
 * ```
 */
export function airtable(): DefinedScheme {
  return scheme();
}
