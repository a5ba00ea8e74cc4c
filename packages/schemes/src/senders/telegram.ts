import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'telegram',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { token: 'constant-time' },
    signature: { header: 'x-telegram-bot-api-secret-token', encoding: 'text' },
  },
  identity: 'body',
  delivery: { retries: 'any-failure', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Telegram',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://core.telegram.org/bots/api#setwebhook'],
    assumptions: ['For how long updates are tried again is not documented: 24 hours are assumed.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'A token proves who may send, not what was sent: whoever sees one request can make others.',
      "The body's update_id identifies an update.",
      'Telegram takes tokens from 1 character on; here they must have 16 bytes.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Telegram bots: `X-Telegram-Bot-Api-Secret-Token` is the secret itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: telegram(), secrets: envSecrets('TELEGRAM_SECRET_TOKEN') })
 * ```
 */
export function telegram(): DefinedScheme {
  return scheme;
}
