import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'docusign',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { numberedHeader: 'x-docusign-signature-', encoding: 'base64' },
    content: '{body}',
  },
  identity: 'body',
  delivery: {
    retries: 'unknown',
    // Ten tries, a day apart.
    retrySpanSeconds: 864_000,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'DocuSign Connect',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: [
      'https://developers.docusign.com/platform/webhooks/connect/hmac/',
      'https://developers.docusign.com/platform/webhooks/connect/validate/',
    ],
    assumptions: [
      'What is not acknowledged comes again up to ten times, a day apart, where `requiresAcknowledgement` is on. Which answers count is not documented: 4xx counts as final.',
    ],
    rotation: 'Every active HMAC key signs, one numbered header each: add a key, then remove the old one.',
    notes: [
      'The first 16 headers are read.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * DocuSign Connect: `X-DocuSign-Signature-1: <base64>`, `-2` and so on, over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: tried again for up to 10 days where `requiresAcknowledgement` is on, after which answers is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: docusign(), secrets: envSecrets('DOCUSIGN_SECRET') })
 * ```
 */
export function docusign(): DefinedScheme {
  return scheme;
}
