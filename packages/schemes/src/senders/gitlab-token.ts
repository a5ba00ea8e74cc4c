import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
    unsignedHeaders: { event: 'x-gitlab-event', deliveryId: 'idempotency-key' },
    eventType: { bodyField: 'object_kind' },
    delivery: {
      retries: 'never',
      suspendsOn4xx: true,
      timeoutSeconds: 10,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      maxBodyBytes: 25 * 1024 * 1024,
    },
    about: {
      sender: 'GitLab (secret token)',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      sources: [
        'https://docs.gitlab.com/user/project/integrations/webhooks/',
        'github.com/gitlabhq/gitlabhq app/services/web_hook_service.rb and app/workers/web_hook_worker.rb',
      ],
      assumptions: ['The wait of 10 s is the default. The owner of a GitLab server can change it.'],
      secretFrom: 'You choose it: the secret token in the settings of the webhook.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Nothing is signed. The token works like a password: an attacker who sees one request can send any other.',
        'Deliveries with identical bodies run once while the first is remembered.',
        'GitLab does not send a failed delivery again by itself. Publish a new token as `next` before you set it at GitLab.',
        'Older servers disable a webhook for good after four 4xx in a row, and for a minute after 5xx: so a refusal gets 503.',
      ],
    },
  }),
);

/**
 * GitLab, with a secret token: `X-Gitlab-Token` is the secret itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender never retries a response of any status; a bad token gets 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`. If your GitLab offers a signing token, use that and gitlab().
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: gitlabToken(), secrets: envSecrets('GITLAB_TOKEN_SECRET') })
 * ```
 */
export function gitlabToken(): DefinedScheme<'event' | 'deliveryId'> {
  return scheme();
}
