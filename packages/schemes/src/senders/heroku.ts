import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'heroku',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'heroku-webhook-hmac-sha256', encoding: 'base64' },
      content: '{body}',
    },
    identity: { bodyField: 'webhook_metadata.delivery.id' },
    eventType: { bodyField: 'webhook_metadata.event.include' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 259_200,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Heroku',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      sources: ['https://devcenter.heroku.com/articles/app-webhooks'],
      assumptions: [
        'webhook_metadata.delivery.id is the same in every retry: each attempt has another, separate id.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: ['Only webhooks of the level `sync` are retried.'],
    },
  }),
);

/**
 * Heroku: `Heroku-Webhook-Hmac-SHA256: <base64>` over the body.
 *
 * - Identity: the body's `webhook_metadata.delivery.id`.
 * - Delivery: the sender retries after any response other than 2xx, for 3 days; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: heroku(), secrets: envSecrets('HEROKU_SECRET') })
 * ```
 */
export function heroku(): DefinedScheme {
  return scheme();
}
