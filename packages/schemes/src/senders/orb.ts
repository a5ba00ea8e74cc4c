import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'orb',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'x-orb-signature',
        list: { separator: ' ', assign: '=', label: 'v1' },
        encoding: 'hex',
      },
      timestamp: { header: 'x-orb-timestamp', unit: 'iso-utc' },
      content: 'v1:{timestamp}:{body}',
    },
    identity: { bodyField: 'id' },
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'type' },
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Orb',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: 'orb-billing',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The signature was compared, with the library of the sender. Looked for, but not found: the pages of the sender about retries, timeout and rotation.',
      sources: [
        'https://docs.withorb.com/events-and-metrics/webhooks',
        'github.com/orbcorp/orb-node src/resources/webhooks.ts',
      ],
      assumptions: [
        "The body's id is the same in every retry: the documentation says only that it identifies the event.",
        'Timestamps more than 300 s in the future are refused, too.',
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
    },
  }),
);

/**
 * Orb: `X-Orb-Signature: v1=<hex> …` over `v1:{X-Orb-Timestamp}:{body}`.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - The time is ISO 8601 without a zone; it is UTC.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: orb(), secrets: envSecrets('ORB_SECRET') })
 * ```
 */
export function orb(): DefinedScheme {
  return scheme();
}
