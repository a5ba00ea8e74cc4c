import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'plivo-v2',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-plivo-signature-v2', encoding: 'base64' },
      content: '{baseUrl}{header:x-plivo-signature-v2-nonce}',
    },
    identity: 'content',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Plivo (V2)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The page about the signature was read, too. Not found: the retries of message callbacks, and what happens to a replaced auth token.',
      sources: [
        'https://docs.plivo.com/docs/messaging/concepts/signature-validation',
        'github.com/plivo/plivo-node lib/utils/security.js',
      ],
      assumptions: [
        'A retry is assumed to repeat its nonce; the sender does not document it. If a retry has a new nonce, it runs again.',
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Plivo signs callbacks of messages and of Verify with V2, and voice with V3: plivo().',
        'X-Plivo-Signature-Ma-V2, under the token of the main account, is not read.',
      ],
    },
  }),
);

/**
 * Plivo (messages, V2): `X-Plivo-Signature-V2: <base64>` over the URL without its query and `X-Plivo-Signature-V2-Nonce`. The parameters are
 * not signed.
 *
 * - Identity: URL and nonce, which are signed.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Needs `publicUrl`: the URL that you gave Plivo.
 * - `webhook.bodyAuthenticated` is `false`: the content of the request is not signed.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: plivoV2(), secrets: envSecrets('PLIVO_AUTH_TOKEN') })
 * ```
 */
export function plivoV2(): DefinedScheme {
  return scheme();
}
