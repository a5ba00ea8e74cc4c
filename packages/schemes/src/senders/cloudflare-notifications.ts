import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'cloudflare-notifications',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { token: 'constant-time' },
      signature: { header: 'cf-webhook-auth', encoding: 'text' },
    },
    identity: 'body',
    eventType: { bodyField: 'alert_type' },
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Cloudflare Notifications',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound: 'Retries and the wait for a response were not found in the documentation.',
      sources: [
        'https://developers.cloudflare.com/notifications/get-started/configure-webhooks/',
        'github.com/cloudflare/cloudflare-docs src/content/docs/notifications/get-started/configure-webhooks.mdx',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation:
        'Cloudflare lets you change only the name of a webhook. For a new secret, create a second webhook, then delete the first.',
      notes: [
        'Nothing is signed. The token works like a password: an attacker who sees one request can send any other.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Cloudflare Notifications: `cf-webhook-auth` is the secret itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: cloudflareNotifications(), secrets: envSecrets('CLOUDFLARE_NOTIFICATIONS_SECRET') })
 * ```
 */
export function cloudflareNotifications(): DefinedScheme {
  return scheme();
}
