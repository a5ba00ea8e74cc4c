import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'bitbucket-server',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-hub-signature', prefix: 'sha256=', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  unsignedHeaders: { requestId: 'x-request-id', event: 'x-event-key' },
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Bitbucket Data Center',
    confidence: 'sender-docs',
    testedWith: 'published-vectors',
    sources: ['https://confluence.atlassian.com/bitbucketserver/manage-webhooks-938025878.html'],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['One run per identical body while it is remembered; `deliveryKey` overrides it.'],
  },
});

/**
 * Bitbucket Data Center and Server: `X-Hub-Signature: sha256=<hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: bitbucketServer(), secrets: envSecrets('BITBUCKET_SERVER_SECRET') })
 * ```
 */
export function bitbucketServer(): DefinedScheme {
  return scheme;
}
