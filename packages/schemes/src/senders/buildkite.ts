import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'buildkite',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'x-buildkite-signature',
        list: { separator: ',', assign: '=', label: 'signature' },
        encoding: 'hex',
      },
      timestamp: { entry: 'timestamp', unit: 's' },
      content: '{timestamp}.{body}',
    },
    identity: 'body',
    tolerance: { past: 300, future: 300 },
    unsignedHeaders: { event: 'x-buildkite-event' },
    eventType: { bodyField: 'event' },
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Buildkite',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'Retries, the wait for a response, and replacing the token were not found in the documentation.',
      sources: [
        'https://buildkite.com/docs/apis/webhooks/pipelines',
        'github.com/buildkite/docs pages/apis/webhooks.md',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
        'The sender documents no tolerance: 300 s each way are assumed.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'A webhook can also send the token itself (X-Buildkite-Token): choose the signature in its settings.',
        'Deliveries with identical bodies run once while the first is remembered.',
      ],
    },
  }),
);

/**
 * Buildkite: `X-Buildkite-Signature: timestamp=<seconds>,signature=<hex>` over `{timestamp}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: buildkite(), secrets: envSecrets('BUILDKITE_SECRET') })
 * ```
 */
export function buildkite(): DefinedScheme<'event'> {
  return scheme();
}
