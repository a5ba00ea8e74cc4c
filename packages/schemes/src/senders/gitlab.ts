import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { standardRule } from './standard-webhooks.ts';

const scheme = lazily(() =>
  defineScheme({
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
    delivery: {
      retries: 'never',
      suspendsOn4xx: true,
      timeoutSeconds: 10,
      idStableOverRetries: true,
      retrySignature: 'unknown',
      maxBodyBytes: 25 * 1024 * 1024,
    },
    about: {
      sender: 'GitLab',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: 'standardwebhooks',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound:
        'The signing was read in the description of its merge request. Replacing the signing token was not found in the documentation.',
      sources: [
        'https://docs.gitlab.com/user/project/integrations/webhooks/',
        'gitlab.com/gitlab-org/gitlab merge requests 230944 (signing token) and 166329 (pauses)',
        'github.com/gitlabhq/gitlabhq app/services/web_hook_service.rb and app/workers/web_hook_worker.rb',
      ],
      assumptions: [
        'Tolerance is 300 s both ways, as in the specification that GitLab follows.',
        'The wait of 10 s is the default. The owner of a GitLab server can change it.',
      ],
      secretFrom: 'In the settings of the webhook, as the signing token. It is shown once, when it is made.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'For webhooks with a secret token (X-Gitlab-Token), use gitlabToken().',
        'GitLab does not send a failed delivery again by itself: its job ends after any response, and also after a connection that fails. Publish a new secret as `next` before you set it at GitLab.',
        'After four failures in a row, of any status, it pauses the webhook for a minute, later for up to a day, and after 40 it disables it (merge request 166329 of gitlab-org/gitlab, read on 2026-12-01). Older servers disable it for good after four 4xx in a row, and for a minute after 5xx: so a refusal gets 503.',
      ],
    },
  }),
);

/**
 * GitLab, with a signing token: `webhook-signature: v1,<base64>` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the `webhook-id`, which equals the `Idempotency-Key`.
 * - Delivery: the sender never retries a response of any status; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: gitlab(), secrets: envSecrets('GITLAB_SECRET') })
 * ```
 */
export function gitlab(): DefinedScheme<'event'> {
  return scheme();
}
