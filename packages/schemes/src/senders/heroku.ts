import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'heroku',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'heroku-webhook-hmac-sha256', encoding: 'base64' },
    content: '{body}',
  },
  identity: { bodyField: 'webhook_metadata.delivery.id' },
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
    sources: ['https://devcenter.heroku.com/articles/app-webhooks'],
    assumptions: [
      'webhook_metadata.delivery.id is the same in every retry: attempts have an id of their own beside it.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['Only webhooks of the level `sync` are tried again.'],
  },
});

/**
 * Heroku: `Heroku-Webhook-Hmac-SHA256: <base64>` over the body.
 *
 * - Identity: the body's `webhook_metadata.delivery.id`.
 * - Delivery: any answer but 2xx is tried again for 3 days; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: heroku(), secrets: envSecrets('HEROKU_SECRET') })
 * ```
 */
export function heroku(): DefinedScheme {
  return scheme;
}
