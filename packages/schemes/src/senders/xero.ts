import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'xero',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-xero-signature', encoding: 'base64' },
    content: '{body}',
  },
  identity: 'body',
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 86_400,
    timeoutSeconds: 5,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
    demands401: true,
  },
  about: {
    sender: 'Xero',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://developer.xero.com/documentation/guides/webhooks/overview/'],
    assumptions: [],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Xero asks for answers without a body; a refusal here carries one of a few bytes. Not tried against Xero itself.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Xero: `x-xero-signature: <base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again for 1 day; a bad signature is answered with 401.
 * - The intent to receive is a row of requests, some of them signed wrongly: the good ones reach the handler, the others are answered 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: xero(), secrets: envSecrets('XERO_WEBHOOK_KEY') })
 * ```
 */
export function xero(): DefinedScheme {
  return scheme;
}
