import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'shopify',
  // The app's client secret as text.
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-shopify-hmac-sha256', encoding: 'base64' },
    content: '{body}',
  },
  // None of the headers is signed, and one secret signs for every shop: as a replay key an id would let a replay through under a
  // new id, and let anyone who holds one signed delivery take the id of another.
  identity: 'body',
  unsignedHeaders: {
    deliveryId: 'x-shopify-webhook-id',
    eventId: 'x-shopify-event-id',
    topic: 'x-shopify-topic',
    shop: 'x-shopify-shop-domain',
    triggeredAt: 'x-shopify-triggered-at',
  },
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
    sources: [
      'https://shopify.dev/docs/apps/build/webhooks/verify-deliveries',
      'https://shopify.dev/changelog/updates-to-webhook-retry-mechanism',
      'github.com/Shopify/shopify-app-js issue 3183',
    ],
    assumptions: [
      'A retry has the original payload; whether one that falls after a rotation is signed with the new secret is not documented.',
    ],
    rotation:
      'Documented: it can take up to an hour until the new client secret signs. Reported: the oldest secret that is not revoked signs. Accept both until after the old one is revoked.',
    notes: [
      'Topic, shop and ids are not signed, and one secret signs for every shop that has the app: never pick a tenant by the shop header alone.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
      'No time is signed: a captured delivery can be replayed once it is forgotten, after seven days.',
      'After 8 failed attempts a subscription made through the Admin API is deleted.',
      'The newer Events product sends other header names (without X-) and is not covered.',
    ],
  },
});

/**
 * Shopify: `X-Shopify-Hmac-SHA256: <base64>` over the body alone, with the app's client secret.
 *
 * - Identity: the body's bytes. Ids, topic and shop are not signed and show under `webhook.unsignedHeaders` as labels.
 * - Delivery: eight attempts within 4 hours after any failure; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: shopify(), secrets: envSecrets('SHOPIFY_CLIENT_SECRET') })
 * ```
 */
export function shopify(): DefinedScheme {
  return scheme;
}
