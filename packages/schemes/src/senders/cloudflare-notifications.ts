import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'cloudflare-notifications',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { token: 'constant-time' },
    signature: { header: 'cf-webhook-auth', encoding: 'text' },
  },
  identity: 'body',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Cloudflare Notifications',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://developers.cloudflare.com/notifications/get-started/configure-webhooks/'],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation:
      'A webhook keeps its secret: make another webhook with the new one, then delete the old webhook.',
    notes: [
      'A token proves who may send, not what was sent: whoever sees one request can make others.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Cloudflare Notifications: `cf-webhook-auth` is the secret itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: cloudflareNotifications(), secrets: envSecrets('CLOUDFLARE_NOTIFICATIONS_SECRET') })
 * ```
 */
export function cloudflareNotifications(): DefinedScheme {
  return scheme;
}
