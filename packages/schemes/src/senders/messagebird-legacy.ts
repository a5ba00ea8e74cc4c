import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'messagebird-legacy',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'messagebird-signature', encoding: 'base64' },
      timestamp: { header: 'messagebird-request-timestamp', unit: 's' },
      parts: {
        parameters: { sorted: 'query', pair: '{name}={value}', join: '&', text: 'as-received' },
        digest: { digest: 'sha256', encoding: 'binary' },
      },
      content: '{timestamp}\n{parameters}\n{digest}',
    },
    identity: 'content',
    tolerance: { past: 100, future: 100 },
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'MessageBird (legacy)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The signature was compared, with published signatures. Looked for, but not found: retries, timeout and rotation. The 8 hours that Bird documents are those of its newer notifications.',
      sources: [
        'https://developers.messagebird.com/api/#verifying-http-requests',
        'github.com/messagebird/messagebird-nodejs lib/webhook-signature.js',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
    },
  }),
);

/**
 * MessageBird, before JWTs: `MessageBird-Signature: <base64>` over the time, the sorted query and the digest of the body.
 *
 * - Identity: everything that is signed except the timestamp.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Current deliveries carry a JWT instead: see `@countersign/schemes/jwt`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: messageBirdLegacy(), secrets: envSecrets('MESSAGEBIRD_SIGNING_KEY') })
 * ```
 */
export function messageBirdLegacy(): DefinedScheme {
  return scheme();
}
