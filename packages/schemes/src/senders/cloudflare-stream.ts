import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'cloudflare-stream',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'webhook-signature',
        list: { separator: ',', assign: '=', label: 'sig1' },
        encoding: 'hex',
      },
      timestamp: { entry: 'time', unit: 's' },
      content: '{timestamp}.{body}',
    },
    identity: 'body',
    tolerance: { past: 300, future: 300 },
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Cloudflare Stream',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'Retries, the wait for a response, and replacing the secret were not found in the documentation.',
      sources: [
        'https://developers.cloudflare.com/stream/manage-video-library/using-webhooks/',
        'github.com/cloudflare/cloudflare-docs src/content/docs/stream/manage-video-library/using-webhooks.mdx',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
        'The sender documents no tolerance: 300 s each way are assumed.',
      ],
      secretFrom: 'From the API: the `secret` in the response when you create or retrieve the webhook.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: ['Deliveries with identical bodies run once while the first is remembered.'],
    },
  }),
);

/**
 * Cloudflare Stream: `Webhook-Signature: time=<seconds>,sig1=<hex>` over `{time}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: cloudflareStream(), secrets: envSecrets('CLOUDFLARE_STREAM_SECRET') })
 * ```
 */
export function cloudflareStream(): DefinedScheme {
  return scheme();
}
