import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'adyen',
    secret: { encoding: 'hex' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        field: 'notificationItems.0.NotificationRequestItem.additionalData.hmacSignature',
        encoding: 'base64',
      },
      arrayLengths: { notificationItems: 1 },
      parts: {
        notification: {
          fields: [
            'notificationItems.0.NotificationRequestItem.pspReference',
            'notificationItems.0.NotificationRequestItem.originalReference',
            'notificationItems.0.NotificationRequestItem.merchantAccountCode',
            'notificationItems.0.NotificationRequestItem.merchantReference',
            'notificationItems.0.NotificationRequestItem.amount.value',
            'notificationItems.0.NotificationRequestItem.amount.currency',
            'notificationItems.0.NotificationRequestItem.eventCode',
            'notificationItems.0.NotificationRequestItem.success',
          ],
          join: ':',
          // The name of a report contains times and therefore colons; a merchant's reference may contain them.
          fieldContainingJoin: {
            by: 'notificationItems.0.NotificationRequestItem.eventCode',
            values: { REPORT_AVAILABLE: 'notificationItems.0.NotificationRequestItem.pspReference' },
            otherwise: 'notificationItems.0.NotificationRequestItem.merchantReference',
          },
        },
      },
      content: '{notification}',
    },
    identity: 'content',
    eventType: { bodyField: 'notificationItems.0.NotificationRequestItem.eventCode' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 2_592_000,
      timeoutSeconds: 10,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Adyen (payments)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'What a new HMAC key does to deliveries that wait in the retry queue was not found in the documentation.',
      sources: [
        'https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/',
        'github.com/Adyen/adyen-node-api-library src/utils/hmacValidator.ts',
        'https://docs.adyen.com/development-resources/webhooks/troubleshoot',
      ],
      assumptions: [],
      secretFrom:
        'In the Customer Area, in the settings of the webhook: generate the HMAC key. It is hexadecimal.',
      rotation: 'A new HMAC key signs at once; Adyen advises you to accept the old one for a while.',
      notes: [
        'A request must contain one notification item, as Adyen sends JSON: more are refused.',
        'Deliveries are remembered for as long as Adyen retries, 30 days, and a tenth longer.',
        'Adyen sends three times within half a minute. Then it retries after waits that grow from 2 minutes to 8 hours, for up to 30 days.',
      ],
    },
  }),
);

/**
 * Adyen payment webhooks: `additionalData.hmacSignature` of the notification item, over eight of its fields. The rest of the body
 * is not signed.
 *
 * - Identity: everything that is signed except the timestamp.
 * - Delivery: the sender retries after any response other than 2xx, for 30 days; a bad signature gets 401.
 * - Secret: the HMAC key, hex.
 * - `webhook.bodyAuthenticated` is `false`: only the eight fields are signed.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: adyen(), secrets: envSecrets('ADYEN_HMAC_KEY') })
 * ```
 */
export function adyen(): DefinedScheme {
  return scheme();
}
