import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
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
    sources: [
      'https://woocommerce.com/document/webhooks/',
      'github.com/woocommerce/woocommerce plugins/woocommerce/includes/class-wc-webhook.php',
    ],
    assumptions: [],
    rotation: 'A new secret signs at once: give it as `next` before it is saved in the shop.',
    notes: [
      'Nothing is tried again: what is refused or fails is lost, and after more than five failures in a row the webhook is disabled.',
      'A delivery holds the resource as it is when it is sent. One run per identical body while it is remembered; `deliveryKey` overrides it.',
      'On saving, the shop sends an unsigned ping (a form that holds webhook_id) and shows an error where that is not answered with 200: it is refused here. Deliveries come all the same.',
      'Shops can change the hash by a filter (woocommerce_webhook_hash_algorithm): such a shop needs a definition of its own.',
    ],
  },
});

/**
 * WooCommerce: `X-WC-Webhook-Signature: <base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: nothing is tried again; a bad signature is answered with 401.
 * - The unsigned ping on saving is refused: the shop shows an error, and delivers all the same.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: wooCommerce(), secrets: envSecrets('WOOCOMMERCE_SECRET') })
 * ```
 */
export function wooCommerce(): DefinedScheme {
  return scheme;
}
