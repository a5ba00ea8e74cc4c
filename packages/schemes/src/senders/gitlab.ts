import { type DefinedScheme, defineScheme } from '@countersign/core';
import { standardRule } from './standard-webhooks.ts';

const scheme = defineScheme({
  name: 'gitlab',
  secret: {
    encoding: 'base64',
    prefix: 'whsec_',
    prefixOptional: true,
    mistakenFor: {
      'glpat-': 'a personal access token. Paste the signing token of the webhook, which begins with whsec_',
    },
  },
  signed: standardRule('webhook'),
  identity: 'id',
  tolerance: { past: 300, future: 300 },
  unsignedHeaders: { event: 'x-gitlab-event' },
  eventType: { bodyField: 'object_kind' },
  delivery: { retries: 'unknown', timeoutSeconds: 10, idStableOverRetries: true, retrySignature: 'unknown' },
  about: {
    sender: 'GitLab',
    confidence: 'sender-docs',
    testedWith: 'sender-library',
    library: 'standardwebhooks',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound:
      'Only the signature was compared, with the library of the sender: retries, timeout and rotation were not read again.',
    sources: ['https://docs.gitlab.com/user/project/integrations/webhooks/'],
    assumptions: [
      'Tolerance is 300 s both ways, as in the specification that GitLab follows.',
      'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
    ],
    secretFrom: 'In the settings of the webhook, as the signing token. It is shown once, when it is made.',
    rotation: 'The sender does not document what happens to the replaced secret.',
    notes: [
      'For webhooks with a secret token (X-Gitlab-Token), use gitlabToken().',
      'GitLab does not send a failed delivery again by itself, as far as is known. After four failures in a row, of any status, it pauses the webhook for a minute, later for up to a day, and after 40 it disables it (merge request 166329 of gitlab-org/gitlab, read on 2026-12-01).',
    ],
  },
});

/**
 * GitLab, with a signing token: `webhook-signature: v1,<base64>` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the `webhook-id`, which equals the `Idempotency-Key`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: gitlab(), secrets: envSecrets('GITLAB_SECRET') })
 * ```
 */
export function gitlab(): DefinedScheme<'event'> {
  return scheme;
}
