import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'zoom',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-zm-signature', prefix: 'v0=', encoding: 'hex' },
    timestamp: { header: 'x-zm-request-timestamp', unit: 's' },
    content: 'v0:{timestamp}:{body}',
  },
  identity: 'body',
  tolerance: { past: 300, future: 300 },

  // Verified first: what is signed in the answer is chosen by whoever asks.
  handshake: {
    signed: true,
    when: { field: { event: 'endpoint.url_validation' } },
    challenge: { field: 'payload.plainToken', characters: 'word', maxLength: 64 },
    mac: { hmac: 'sha256', encoding: 'hex' },
    response: { json: { plainToken: '{challenge}', encryptedToken: '{mac}' } },
  },
  delivery: {
    retries: ['5xx'],
    retrySpanSeconds: 7_500,
    timeoutSeconds: 3,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Zoom',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://developers.zoom.us/docs/api/webhooks/'],
    assumptions: [
      'Tries come after 5, 30 and 90 minutes.',
      'Tolerance is 300 s both ways: none is documented.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['One run per identical body while it is remembered; `deliveryKey` overrides it.'],
  },
});

/**
 * Zoom: `x-zm-signature: v0=<hex>` over `v0:{x-zm-request-timestamp}:{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: only 5xx are tried again for 125 minutes; a bad signature is answered with 503.
 * - Zoom's `endpoint.url_validation`, which comes again every 72 hours, is answered by every adapter once its signature is good.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: zoom(), secrets: envSecrets('ZOOM_SECRET_TOKEN') })
 * ```
 */
export function zoom(): DefinedScheme {
  return scheme;
}
