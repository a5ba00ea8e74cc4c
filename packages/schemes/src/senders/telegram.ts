import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The description of setWebhook was compared through copies: other than 2xx is repeated. Not found: for how long, and what happens to a replaced token.',
      sources: ['https://core.telegram.org/bots/api#setwebhook'],
      assumptions: ['The sender does not document for how long it retries updates: 24 hours are assumed.'],
      secretFrom: 'You choose it: the `secret_token` that you pass to `setWebhook`.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Nothing is signed. The token works like a password: an attacker who sees one request can send any other.',
        "The body's update_id identifies an update.",
        'Telegram accepts tokens of 1 to 256 characters; here they must have at least 16 bytes.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Telegram bots: `X-Telegram-Bot-Api-Secret-Token` is the secret itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: telegram(), secrets: envSecrets('TELEGRAM_SECRET_TOKEN') })
 * ```
 */
export function telegram(): DefinedScheme {
  return scheme();
}
