import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'bitbucket-server',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-hub-signature', prefix: 'sha256=', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: { requestId: 'x-request-id', event: 'x-event-key' },
    eventType: { bodyField: 'eventKey' },
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Bitbucket Data Center',
      confidence: 'sender-docs',
      testedWith: 'published-vectors',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'Only the signature was compared, with published signatures: retries, timeout and rotation were not read again.',
      sources: ['https://confluence.atlassian.com/bitbucketserver/manage-webhooks-938025878.html'],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Bitbucket Data Center and Server: `X-Hub-Signature: sha256=<hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: bitbucketServer(), secrets: envSecrets('BITBUCKET_SERVER_SECRET') })
 * ```
 */
export function bitbucketServer(): DefinedScheme<'requestId' | 'event'> {
  return scheme();
}
