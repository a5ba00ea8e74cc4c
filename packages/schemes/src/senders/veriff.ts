import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'veriff',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-hmac-signature', encoding: 'hex' },
    keyId: { header: 'x-auth-client' },
    content: '{body}',
  },
  identity: 'body',
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 604_800,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
    acknowledgement: { contentType: 'text/plain', body: 'OK' },
  },
  about: {
    sender: 'Veriff',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: [
      'https://devdocs.veriff.com/docs/hmac-authentication-and-endpoint-security',
      'https://help.veriff.com/en/articles/3250261-how-long-does-it-take-for-veriff-to-communicate-a-decision',
    ],
    assumptions: [
      'All webhooks are tried again as decisions are: about once an hour for 7 days. Documented is that of decisions.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Only 200 counts as received: where the handler answers by itself, it must not say 204.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Veriff: `x-hmac-signature: <hex>` over the body, under the key that `x-auth-client` names.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 200 is tried again for 7 days; a bad signature is answered with 401.
 * - Key: give each secret the API key as its `id`; without ids all are tried.
 *
 * @example
 * ```ts
 * const secrets = { current: { id: 'your API key', secret: process.env.VERIFF_SHARED_SECRET } }
 * ```
 */
export function veriff(): DefinedScheme {
  return scheme;
}
