import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'line',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-line-signature', encoding: 'base64' },
      content: '{body}',
    },
    identity: 'body',
    delivery: {
      retries: 'any-failure',
      timeoutSeconds: 2,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      demands401: true,
    },
    about: {
      sender: 'LINE',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: '@line/bot-sdk',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'How often and for how long LINE redelivers was not found: LINE does not publish it.',
      sources: [
        'https://developers.line.biz/en/docs/messaging-api/receiving-messages/',
        'github.com/line/line-bot-sdk-nodejs lib/validate-signature.ts',
        'https://developers.line.biz/en/docs/messaging-api/check-webhook-error-statistics/',
        'https://developers.line.biz/en/docs/partner-docs/error-notification/',
      ],
      assumptions: ['The sender does not document for how long it retries: 24 hours are assumed.'],
      secretFrom: 'In the LINE Developers Console, on the page of the channel: the channel secret.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'LINE retries only if "Webhook redelivery" is switched on for the channel.',
        'A body contains several events, and an event that is delivered again is marked (isRedelivery): compare webhookEventId in the handler.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'LINE waits 2 seconds for a response, and may stop sending to a server that fails for a long time.',
      ],
    },
  }),
);

/**
 * LINE Messaging API: `x-line-signature: <base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx if the channel has redelivery switched on; a bad signature
 *   gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: line(), secrets: envSecrets('LINE_CHANNEL_SECRET') })
 * ```
 */
export function line(): DefinedScheme {
  return scheme();
}
