import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'bitbucket-cloud',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-hub-signature', prefix: 'sha256=', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  unsignedHeaders: { requestId: 'x-request-uuid', event: 'x-event-key', attempt: 'x-attempt-number' },
  delivery: {
    retries: ['5xx'],
    timeoutSeconds: 10,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Bitbucket Cloud',
    confidence: 'sender-docs',
    testedWith: 'published-vectors',
    sources: [
      'https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/',
      'https://support.atlassian.com/bitbucket-cloud/docs/troubleshoot-webhooks/',
    ],
    assumptions: ['For how long the up to two more tries go on is not documented: 24 hours are assumed.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['One run per identical body while it is remembered; `deliveryKey` overrides it.'],
  },
});

/**
 * Bitbucket Cloud: `X-Hub-Signature: sha256=<hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: only 5xx are tried again; a bad signature is answered with 503.
 * - Under this header GitHub and Meta once sent SHA-1: here it is SHA-256, and nothing else is taken.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: bitbucketCloud(), secrets: envSecrets('BITBUCKET_CLOUD_SECRET') })
 * ```
 */
export function bitbucketCloud(): DefinedScheme {
  return scheme;
}
