import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
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
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
    demands401: true,
  },
  about: {
    sender: 'LINE',
    confidence: 'sender-code',
    testedWith: 'sender-library',
    sources: [
      'https://developers.line.biz/en/docs/messaging-api/receiving-messages/',
      'github.com/line/line-bot-sdk-nodejs lib/validate-signature.ts',
    ],
    assumptions: ['For how long is not documented: 24 hours are assumed.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Nothing is tried again unless "Webhook redelivery" is switched on for the channel.',
      'A body holds several events, and one that is delivered again says so (isRedelivery): compare webhookEventId in the handler.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * LINE Messaging API: `x-line-signature: <base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again where the channel has redelivery switched on; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: line(), secrets: envSecrets('LINE_CHANNEL_SECRET') })
 * ```
 */
export function line(): DefinedScheme {
  return scheme;
}
