import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'viber',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-viber-content-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    eventType: { bodyField: 'event' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 3600,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: { contentType: 'text/plain', body: 'OK' },
    },
    about: {
      sender: 'Viber',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The answers to frequent questions were read: 200, and retries for an hour. Not found: the timeout.',
      sources: [
        'https://developers.viber.com/docs/api/rest-bot-api/',
        'https://developers.viber.com/docs/faq/',
        'github.com/Viber/viber-bot-node lib/message-validator.js',
      ],
      assumptions: [],
      rotation:
        "A token stays valid until Viber's support creates another one on request. Viber does not document whether the old one remains valid.",
      notes: [
        'The sender accepts only 200. If your handler sends the response itself, it must not send 204.',
        "The body's message_token identifies a message.",
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Viber bots: `X-Viber-Content-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200, for 1 hour; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: viber(), secrets: envSecrets('VIBER_AUTH_TOKEN') })
 * ```
 */
export function viber(): DefinedScheme {
  return scheme();
}
