import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'woocommerce',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-wc-webhook-signature', encoding: 'base64' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: {
      topic: 'x-wc-webhook-topic',
      webhookId: 'x-wc-webhook-id',
      deliveryId: 'x-wc-webhook-delivery-id',
      source: 'x-wc-webhook-source',
    },
    // Two topics may have the same body, for example an order that is created and updated in the same second.
    splitBy: {
      header: 'x-wc-webhook-topic',
      values: [
        'coupon.created',
        'coupon.updated',
        'coupon.deleted',
        'coupon.restored',
        'customer.created',
        'customer.updated',
        'customer.deleted',
        'order.created',
        'order.updated',
        'order.deleted',
        'order.restored',
        'product.created',
        'product.updated',
        'product.deleted',
        'product.restored',
      ],
    },
    // When the webhook is saved, the shop posts an unsigned form and shows an error unless it gets 200.
    handshake: {
      signed: false,
      when: { method: 'POST', form: { webhook_id: true } },
      response: { status: 200 },
    },
    eventType: { header: 'x-wc-webhook-topic' },
    delivery: {
      retries: 'never',
      timeoutSeconds: 60,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'WooCommerce',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound: 'Not found: a published signature, or a library for Node.js.',
      sources: [
        'https://woocommerce.com/document/webhooks/',
        'github.com/woocommerce/woocommerce plugins/woocommerce/includes/class-wc-webhook.php',
      ],
      assumptions: [],
      secretFrom: 'In WooCommerce, Settings, Advanced, Webhooks: the secret of the webhook.',
      rotation: 'A new secret signs at once: publish it as `next` before you save it in the shop.',
      notes: [
        'WooCommerce never retries: a delivery that is refused or fails is lost, and after more than five failures in a row the webhook is disabled.',
        "A delivery contains the resource as it is when it is sent. Deliveries with identical bodies run once for each topic while the first is remembered; `deliveryKey` overrides that. Only the shop's own topics count, because the topic is not signed: an attacker who captured a delivery can run it once under each of them. Topics of actions (action.…) do not count: their bodies contain the name of the action.",
        'When you save the webhook, the shop sends an unsigned ping (a form that contains webhook_id) and shows an error if it does not get 200. The ping gets 200, and your handler does not run.',
        'A shop can change the hash with a filter (woocommerce_webhook_hash_algorithm): such a shop needs its own definition.',
      ],
    },
  }),
);

/**
 * WooCommerce: `X-WC-Webhook-Signature: <base64>` over the body.
 *
 * - Identity: the body's bytes and the topic.
 * - Delivery: the sender never retries; a bad signature gets 401.
 * - The unsigned ping on saving gets 200, and the handler does not run.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: wooCommerce(), secrets: envSecrets('WOOCOMMERCE_SECRET') })
 * ```
 */
export function wooCommerce(): DefinedScheme<'topic' | 'webhookId' | 'deliveryId' | 'source'> {
  return scheme();
}
