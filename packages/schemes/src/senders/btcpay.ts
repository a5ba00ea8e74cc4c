import { type DefinedScheme, defineScheme } from '@countersign/core';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'btcpay',
  secret: { encoding: 'utf8' },
  signed: bodyHmac('btcpay-sig', { prefix: 'sha256=' }),
  identity: { bodyField: 'originalDeliveryId' },
  eventType: { bodyField: 'type' },
  delivery: UNDOCUMENTED,
  about: {
    sender: 'BTCPay Server',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: ['https://docs.btcpayserver.org/API/Greenfield/v1/#tag/Webhooks'],
    assumptions: [
      "The body's originalDeliveryId is the same in every redelivery: the name says so.",
      RETRIES_UNDOCUMENTED,
    ],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [
      'A delivery that is sent again by hand has the same originalDeliveryId: if it was handled before, it counts as a duplicate.',
    ],
  },
});

/**
 * BTCPay Server: `BTCPay-Sig: sha256=<hex>` over the body.
 *
 * - Identity: the body's `originalDeliveryId`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: btcPay(), secrets: envSecrets('BTCPAY_WEBHOOK_SECRET') })
 * ```
 */
export function btcPay(): DefinedScheme {
  return scheme;
}
