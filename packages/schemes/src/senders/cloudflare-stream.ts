import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
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
    sources: ['https://developers.cloudflare.com/stream/manage-video-library/using-webhooks/'],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
      'Tolerance is 300 s both ways: none is documented.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['One run per identical body while it is remembered.'],
  },
});

/**
 * Cloudflare Stream: `Webhook-Signature: time=<seconds>,sig1=<hex>` over `{time}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: cloudflareStream(), secrets: envSecrets('CLOUDFLARE_STREAM_SECRET') })
 * ```
 */
export function cloudflareStream(): DefinedScheme {
  return scheme;
}
