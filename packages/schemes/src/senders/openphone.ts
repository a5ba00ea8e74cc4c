import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { RETRIES_UNDOCUMENTED, ROTATION_UNDOCUMENTED, UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'openphone',
    secret: { encoding: 'base64' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'openphone-signature',
        list: { separator: ';', start: 'hmac;1;' },
        encoding: 'base64',
      },
      timestamp: { entry: 0, unit: 'ms' },
      content: '{timestamp}.{body}',
    },
    identity: { bodyField: 'id' },
    eventType: { bodyField: 'type' },
    tolerance: { past: 300, future: 300 },
    delivery: UNDOCUMENTED,
    about: {
      sender: 'Quo (OpenPhone)',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The pages about webhooks were read in part: Quo retries "if needed". Not found: which statuses, and for how long. The signature comes from public code that receives these webhooks.',
      sources: ['https://support.quo.com/core-concepts/integrations/webhooks'],
      assumptions: [
        "The body's id is the same in every try: the sender documents only that it identifies the event.",
        'A retry has a new time, and the tolerance is 300 s each way: the sender documents neither.',
        RETRIES_UNDOCUMENTED,
      ],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'Webhooks of the API version 2026-03-30 are signed as Standard Webhooks: use standardWebhooks() for them.',
      ],
    },
  }),
);

/**
 * Quo (OpenPhone): `openphone-signature: hmac;1;<ms>;<base64>` over `{time}.{body}`.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: openPhone(), secrets: envSecrets('OPENPHONE_SIGNING_SECRET') })
 * ```
 */
export function openPhone(): DefinedScheme {
  return scheme();
}
