import { type DefinedScheme, type DeliveryRules, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { stripeHmac } from './hmac-rules.ts';
import { NOTHING_SIGNED, ONE_RUN_PER_BODY, ONLY_200, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const PAGE = 'https://www.revenuecat.com/docs/integrations/webhooks';

const delivery: DeliveryRules = {
  retries: 'any-failure',
  // 5 + 10 + 20 + 40 + 80 minutes.
  retrySpanSeconds: 9300,
  timeoutSeconds: 60,
  idStableOverRetries: 'unknown',
  retrySignature: 'unknown',
  acknowledgement: ONLY_200,
};

const signed = lazily(() =>
  defineScheme({
    name: 'revenuecat',
    secret: { encoding: 'utf8' },
    signed: stripeHmac('x-revenuecat-webhook-signature'),
    identity: { bodyField: 'event.id' },
    eventType: { bodyField: 'event.type' },
    tolerance: { past: 300, future: 300 },
    delivery,
    about: {
      sender: 'RevenueCat',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The page about webhooks was compared through copies of it, the timeout through an article. Of the signature, only public code was found; a guide of RevenueCat names another header, X-RevenueCat-Signature.',
      sources: [
        PAGE,
        'public handlers, whose code and comments agree about the header X-RevenueCat-Webhook-Signature',
      ],
      assumptions: ['Each retry is signed again with its own time.'],
      rotation: 'Third-party code says: while a secret is replaced, the header has one v1 for each.',
      notes: [
        'You switch signing on in the settings of each webhook: see `revenueCatToken()` for those without it.',
      ],
    },
  }),
);

const token = lazily(() =>
  defineScheme({
    name: 'revenuecat-token',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { token: 'constant-time' },
      signature: { header: 'authorization', encoding: 'text' },
    },
    identity: 'body',
    eventType: { bodyField: 'event.type' },
    delivery,
    about: {
      sender: 'RevenueCat (token)',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'The page about webhooks was compared through copies of it, the timeout through an article.',
      sources: [PAGE],
      assumptions: [],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        NOTHING_SIGNED,
        'In RevenueCat, the header is optional. Without it, Countersign refuses every delivery.',
        "The body's event.id identifies an event.",
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

/**
 * RevenueCat, with signing switched on: `X-RevenueCat-Webhook-Signature: t=<unix s>,v1=<hex>` over `{t}.{body}`.
 *
 * - Identity: the body's `event.id`.
 * - Delivery: the sender retries after any response other than 200, five times within 2.6 hours; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: revenueCat(), secrets: envSecrets('REVENUECAT_WEBHOOK_SECRET') })
 * ```
 */
export function revenueCat(): DefinedScheme {
  return signed();
}

/**
 * RevenueCat without signing: the `Authorization` header is the text from the settings of the webhook.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200, five times within 2.6 hours; a bad token gets 401.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 * - Secret: the whole value of the header, with `Bearer ` if you wrote it there.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: revenueCatToken(), secrets: envSecrets('REVENUECAT_AUTHORIZATION') })
 * ```
 */
export function revenueCatToken(): DefinedScheme {
  return token();
}
