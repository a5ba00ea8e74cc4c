import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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

    // Verified first, because the response signs a text that the request chose.
    handshake: {
      signed: true,
      when: { field: { event: 'endpoint.url_validation' } },
      challenge: { field: 'payload.plainToken', characters: 'word', maxLength: 64 },
      mac: { hmac: 'sha256', encoding: 'hex' },
      response: { json: { plainToken: '{challenge}', encryptedToken: '{mac}' } },
    },
    eventType: { bodyField: 'event' },
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
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'An older support page was read: 200 or 204 within 3 s, and three retries. Not found: whether a 4xx is retried, and what happens to a replaced secret.',
      sources: [
        'https://developers.zoom.us/docs/api/webhooks/',
        'https://devsupport.zoom.us/hc/en-us/articles/360059893812-Webhook-delays',
      ],
      assumptions: [
        'Retries come after 5, 30 and 90 minutes.',
        'The sender documents no tolerance: 300 s each way are assumed.',
      ],
      secretFrom: 'In the App Marketplace under Features, Access: the secret token of the app.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Zoom: `x-zm-signature: v0=<hex>` over `v0:{x-zm-request-timestamp}:{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries only after 5xx, for 125 minutes; a bad signature gets 503.
 * - Every adapter responds to Zoom's `endpoint.url_validation`, which comes every 72 hours, if its signature is right.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: zoom(), secrets: envSecrets('ZOOM_SECRET_TOKEN') })
 * ```
 */
export function zoom(): DefinedScheme {
  return scheme();
}
