import { type DefinedScheme, defineScheme } from '@countersign/core';
import { stripeHmac } from './hmac-rules.ts';
import {
  NOTHING_SIGNED,
  ONE_RUN_PER_BODY,
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED_BUT_200,
} from './shared-facts.ts';

const PAGE = 'https://www.revenuecat.com/docs/integrations/webhooks';

const signed = defineScheme({
  name: 'revenuecat',
  secret: { encoding: 'utf8' },
  signed: stripeHmac('x-revenuecat-webhook-signature'),
  identity: { bodyField: 'event.id' },
  eventType: { bodyField: 'event.type' },
  tolerance: { past: 300, future: 300 },
  delivery: UNDOCUMENTED_BUT_200,
  about: {
    sender: 'RevenueCat',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: [
      PAGE,
      'public handlers, whose code and comments agree about the header X-RevenueCat-Webhook-Signature',
    ],
    assumptions: [RETRIES_UNDOCUMENTED, 'Each retry is signed again with its own time.'],
    rotation: 'Third-party code says: while a secret is replaced, the header has one v1 for each.',
    notes: [
      'You switch signing on in the settings of each webhook: see `revenueCatToken()` for those without it.',
    ],
  },
});

const token = defineScheme({
  name: 'revenuecat-token',
  secret: { encoding: 'utf8' },
  signed: { algorithm: { token: 'constant-time' }, signature: { header: 'authorization', encoding: 'text' } },
  identity: 'body',
  eventType: { bodyField: 'event.type' },
  delivery: UNDOCUMENTED_BUT_200,
  about: {
    sender: 'RevenueCat (token)',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    sources: [PAGE],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [
      NOTHING_SIGNED,
      'In RevenueCat, the header is optional. Without it, Countersign refuses every delivery.',
      "The body's event.id identifies an event.",
      ONE_RUN_PER_BODY,
    ],
  },
});

/**
 * RevenueCat, with signing switched on: `X-RevenueCat-Webhook-Signature: t=<unix s>,v1=<hex>` over `{t}.{body}`.
 *
 * - Identity: the body's `event.id`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: revenueCat(), secrets: envSecrets('REVENUECAT_WEBHOOK_SECRET') })
 * ```
 */
export function revenueCat(): DefinedScheme {
  return signed;
}

/**
 * RevenueCat without signing: the `Authorization` header is the text from the settings of the webhook.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad token gets 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 * - Secret: the whole value of the header, with `Bearer ` if you wrote it there.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: revenueCatToken(), secrets: envSecrets('REVENUECAT_AUTHORIZATION') })
 * ```
 */
export function revenueCatToken(): DefinedScheme {
  return token;
}
