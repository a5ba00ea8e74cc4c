import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'lemon-squeezy',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        eyJ: 'an API key of Lemon Squeezy. Paste the signing secret that you entered for the webhook',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: { event: 'x-event-name' },
    eventType: { bodyField: 'meta.event_name' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 155,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: { contentType: 'text/plain', body: 'OK' },
    },
    about: {
      sender: 'Lemon Squeezy',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The page about retries was read in a public quotation of July 2026. Replacing the secret was not found.',
      sources: [
        'https://docs.lemonsqueezy.com/help/webhooks/signing-requests',
        'https://docs.lemonsqueezy.com/api/webhooks',
        'github.com/lmsqueezy/laravel src/Http/Middleware/VerifyWebhookSignature.php',
        'https://docs.lemonsqueezy.com/help/webhooks/webhook-requests',
      ],
      assumptions: [
        'Retries come after 5, 25 and 125 s: the documentation gives them as an example of three.',
      ],
      secretFrom: 'You choose it: the signing secret in Settings, Webhooks.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'The sender accepts only 200. If your handler sends the response itself, it must not send 204.',
        'Lemon Squeezy accepts secrets of 6 characters or more; here they must have at least 16 bytes.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Lemon Squeezy: `X-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200, three times within 3 minutes; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: lemonSqueezy(), secrets: envSecrets('LEMON_SQUEEZY_SECRET') })
 * ```
 */
export function lemonSqueezy(): DefinedScheme<'event'> {
  return scheme();
}
