import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'gitlab-token',
  secret: {
    encoding: 'utf8',
    mistakenFor: {
      'glpat-': 'a personal access token. Paste the secret token that you entered for the webhook',
    },
  },
  signed: {
    algorithm: { token: 'constant-time' },
    signature: { header: 'x-gitlab-token', encoding: 'text' },
  },
  identity: 'body',
  unsignedHeaders: { event: 'x-gitlab-event', deliveryId: 'x-gitlab-webhook-uuid' },
  eventType: { bodyField: 'object_kind' },
  delivery: {
    retries: 'unknown',
    timeoutSeconds: 10,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'GitLab (secret token)',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    sources: ['https://docs.gitlab.com/user/project/integrations/webhooks/'],
    assumptions: [
      'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
    ],
    secretFrom: 'You choose it: the secret token in the settings of the webhook.',
    rotation: 'The sender does not document what happens to the replaced secret.',
    notes: [
      'Nothing is signed. The token works like a password: an attacker who sees one request can send any other.',
      'Deliveries with identical bodies run once while the first is remembered.',
    ],
  },
});

/**
 * GitLab, with a secret token: `X-Gitlab-Token` is the secret itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`. If your GitLab offers a signing token, use that and gitlab().
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: gitlabToken(), secrets: envSecrets('GITLAB_TOKEN_SECRET') })
 * ```
 */
export function gitlabToken(): DefinedScheme<'event' | 'deliveryId'> {
  return scheme;
}
