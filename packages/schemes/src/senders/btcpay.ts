import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import { ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'btcpay',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('btcpay-sig', { prefix: 'sha256=' }),
    identity: { bodyField: 'originalDeliveryId' },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      // 10 s + 1 minute + 6 times 10 minutes.
      retrySpanSeconds: 3670,
      idStableOverRetries: true,
      retrySignature: 'renewed',
    },
    about: {
      sender: 'BTCPay Server',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound: 'The wait for a response was not found: the code does not set one.',
      sources: [
        'https://docs.btcpayserver.org/API/Greenfield/v1/#tag/Webhooks',
        'github.com/btcpayserver/btcpayserver BTCPayServer/HostedServices/Webhooks/WebhookSender.cs',
      ],
      assumptions: [],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'A delivery that is sent again by hand has the same originalDeliveryId: if it was handled before, it counts as a duplicate.',
        'Each redelivery has a new deliveryId in its body, and therefore a new signature. Its originalDeliveryId stays the same.',
        'BTCPay Server retries only if "Automatic redelivery" is switched on for the webhook.',
      ],
    },
  }),
);

/**
 * BTCPay Server: `BTCPay-Sig: sha256=<hex>` over the body.
 *
 * - Identity: the body's `originalDeliveryId`.
 * - Delivery: the sender retries after any response other than 2xx, for 61 minutes, if the webhook has automatic redelivery switched on;
 *   a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: btcPay(), secrets: envSecrets('BTCPAY_WEBHOOK_SECRET') })
 * ```
 */
export function btcPay(): DefinedScheme {
  return scheme();
}
