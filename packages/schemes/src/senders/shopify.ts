import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { SHOPIFY_TOPICS } from './shopify-topics.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'shopify',
    // The app's client secret as text.
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        shpat_: 'an access token. Paste the client secret of the app',
        shpca_: 'an access token. Paste the client secret of the app',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-shopify-hmac-sha256', encoding: 'base64' },
      content: '{body}',
    },
    // None of the headers is signed, and one secret signs for every shop. If an id were the replay key, an attacker with one
    // captured delivery could replay it under a new id, or use the id of another delivery to block that one.
    identity: 'body',
    unsignedHeaders: {
      deliveryId: 'x-shopify-webhook-id',
      eventId: 'x-shopify-event-id',
      topic: 'x-shopify-topic',
      shop: 'x-shopify-shop-domain',
      triggeredAt: 'x-shopify-triggered-at',
    },
    // Two topics may have the same body, for example an order that is created and paid at once.
    splitBy: { header: 'x-shopify-topic', values: SHOPIFY_TOPICS },
    eventType: { header: 'x-shopify-topic' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 14_400,
      timeoutSeconds: 5,
      idStableOverRetries: true,
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Shopify',
      confidence: 'sender-docs',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The page about retries was read. Of the other pages, only a summary of 2026-09-27 was compared: header, key and 5 s agree. Not found: whether a retry repeats its signature.',
      sources: [
        'https://shopify.dev/docs/apps/build/webhooks/verify-deliveries',
        'https://shopify.dev/changelog/updates-to-webhook-retry-mechanism',
        'github.com/Shopify/shopify-app-js issue 3183',
      ],
      assumptions: [
        'A retry has the original payload. Shopify does not document whether a retry after a rotation is signed with the new secret.',
      ],
      secretFrom:
        'The client secret of the app, in the Partner or Dev Dashboard. For webhooks that were made in the admin of a shop, the text under the list of webhooks in Settings, Notifications.',
      rotation:
        'The documentation says that it can take up to an hour until the new client secret signs. Users report that the oldest secret that is not revoked signs. Accept both until the old one is revoked.',
      notes: [
        'Topic, shop and ids are not signed, and one secret signs for every shop that has the app: never choose a tenant only by the shop header.',
        'Two topics with the same body have the same `webhook.id`. As an idempotency key for another API, or as the id of a job, use `replayRecord(webhook).key`: it contains the topic, too.',
        'Deliveries with identical bodies run once for each topic while the first is remembered; `deliveryKey` overrides that. Only topics that Shopify documents count, because the topic is not signed: an attacker who captured a delivery can run it once under each of them, so check that the body fits the topic.',
        'No timestamp is signed: an attacker can replay a captured delivery once it is forgotten, after seven days.',
        'After 8 failures in a row, Shopify deletes a subscription that was created through the Admin API.',
        'The newer Events product sends other header names (without X-): this scheme is not for it.',
      ],
    },
  }),
);

/**
 * Shopify: `X-Shopify-Hmac-SHA256: <base64>` over the body and nothing else, with the app's client secret.
 *
 * - Identity: the body's bytes and the topic. Ids, topic and shop are not signed and show under `webhook.unsignedHeaders` as labels.
 * - Delivery: eight retries within 4 hours after any failure; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: shopify(), secrets: envSecrets('SHOPIFY_CLIENT_SECRET') })
 * ```
 */
export function shopify(): DefinedScheme<'deliveryId' | 'eventId' | 'topic' | 'shop' | 'triggeredAt'> {
  return scheme();
}
