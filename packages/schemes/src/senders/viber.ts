import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'viber',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-viber-content-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
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
    sources: [
      'https://developers.viber.com/docs/api/rest-bot-api/',
      'https://developers.viber.com/docs/faq/',
      'github.com/Viber/viber-bot-node lib/message-validator.js',
    ],
    assumptions: [],
    rotation:
      'A token stays until the support of Viber makes another one on request; whether the old one goes on is not documented.',
    notes: [
      'Only 200 counts as received: where the handler answers by itself, it must not say 204.',
      "The body's message_token identifies a message.",
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Viber bots: `X-Viber-Content-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 200 is tried again for 1 hour; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: viber(), secrets: envSecrets('VIBER_AUTH_TOKEN') })
 * ```
 */
export function viber(): DefinedScheme {
  return scheme;
}
