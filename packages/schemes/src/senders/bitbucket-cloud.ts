import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'bitbucket-cloud',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-hub-signature', prefix: 'sha256=', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: { requestId: 'x-request-uuid', event: 'x-event-key', attempt: 'x-attempt-number' },
    eventType: { header: 'x-event-key' },
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
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The page about retries could not be read again. Replacing the secret was not found in the documentation.',
      sources: [
        'https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/',
        'https://support.atlassian.com/bitbucket-cloud/docs/troubleshoot-webhooks/',
        'https://confluence.atlassian.com/bbkb/troubleshoot-webhooks-1167729092.html',
      ],
      assumptions: [
        'The sender does not document for how long its up to two retries go on: 24 hours are assumed.',
      ],
      secretFrom: 'You choose it, or Bitbucket makes it: the secret in the settings of the webhook.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'Bitbucket may silently not send a webhook whose body is larger than 256 KB.',
      ],
    },
  }),
);

/**
 * Bitbucket Cloud: `X-Hub-Signature: sha256=<hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries only after 5xx; a bad signature gets 503.
 * - GitHub and Meta once sent SHA-1 under this header: here it is SHA-256, and nothing else is accepted.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: bitbucketCloud(), secrets: envSecrets('BITBUCKET_CLOUD_SECRET') })
 * ```
 */
export function bitbucketCloud(): DefinedScheme<'requestId' | 'event' | 'attempt'> {
  return scheme();
}
