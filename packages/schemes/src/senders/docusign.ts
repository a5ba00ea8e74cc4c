import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'docusign',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { numberedHeader: 'x-docusign-signature-', encoding: 'base64' },
      content: '{body}',
    },
    identity: 'body',
    eventType: { bodyField: 'event' },
    delivery: {
      retries: 'unknown',
      // Ten attempts, a day apart.
      retrySpanSeconds: 864_000,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'DocuSign Connect',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      sources: [
        'https://developers.docusign.com/platform/webhooks/connect/hmac/',
        'https://developers.docusign.com/platform/webhooks/connect/validate/',
      ],
      assumptions: [
        'If `requiresAcknowledgement` is on, DocuSign retries up to ten times, a day apart. It does not document after which statuses: a 4xx is assumed to be final.',
      ],
      secretFrom: 'In Settings, Connect, Connect Keys: the HMAC keys.',
      rotation:
        'Every active HMAC key signs, with one numbered header each. Add a key, then remove the old one.',
      notes: [
        'The first 16 headers are read.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * DocuSign Connect: `X-DocuSign-Signature-1: <base64>`, `-2` and so on, over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: retried for up to 10 days if `requiresAcknowledgement` is on; the sender does not document after which statuses; a
 *   bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: docusign(), secrets: envSecrets('DOCUSIGN_SECRET') })
 * ```
 */
export function docusign(): DefinedScheme {
  return scheme();
}
