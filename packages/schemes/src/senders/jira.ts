import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'jira',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-hub-signature', prefix: 'sha256=', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: { deliveryId: 'x-atlassian-webhook-identifier' },
    eventType: { bodyField: 'webhookEvent' },
    delivery: {
      retries: [408, 409, 425, 429, '5xx'],
      // Five retries, at most 15 minutes apart.
      retrySpanSeconds: 4500,
      idStableOverRetries: true,
      retrySignature: 'unknown',
      maxBodyBytes: 25 * 1024 * 1024,
    },
    about: {
      sender: 'Jira Cloud',
      confidence: 'sender-docs',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "The number of retries, their waits and the limit of 25 MB were read in texts that quote Atlassian's page. The wait for a response and replacing the secret were not found.",
      sources: [
        'https://developer.atlassian.com/cloud/jira/platform/webhooks/',
        'https://community.developer.atlassian.com/t/new-jira-cloud-webhook-retry-policy/30554',
      ],
      assumptions: [
        'The waits between the up to five retries are between 5 and 15 minutes. The longest are assumed.',
      ],
      secretFrom: 'You choose it: the secret in the settings of the webhook.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'X-Atlassian-Webhook-Identifier is the same in every retry and is not signed: it is a label.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'Connect apps get a JWT instead: this scheme is not for them.',
        'Jira does not send webhooks that are larger than 25 MB.',
        'X-Hub-Signature names its method before the "=". Atlassian may use another than sha256 later: then deliveries are refused until this definition knows it.',
      ],
    },
  }),
);

/**
 * Jira Cloud, webhooks with a secret: `X-Hub-Signature: sha256=<hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries only after 408, 409, 425, 429 and 5xx, for up to 75 minutes; a bad signature gets 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: jira(), secrets: envSecrets('JIRA_SECRET') })
 * ```
 */
export function jira(): DefinedScheme<'deliveryId'> {
  return scheme();
}
