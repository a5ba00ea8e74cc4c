import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'gitlab-token',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { token: 'constant-time' },
    signature: { header: 'x-gitlab-token', encoding: 'text' },
  },
  identity: 'body',
  unsignedHeaders: { event: 'x-gitlab-event', deliveryId: 'x-gitlab-webhook-uuid' },
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
    sources: ['https://docs.gitlab.com/user/project/integrations/webhooks/'],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'A token proves who may send, not what was sent: whoever sees one request can make others.',
      'One run per identical body while it is remembered.',
    ],
  },
});

/**
 * GitLab, with a secret token: `X-Gitlab-Token` is the secret itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`. Where GitLab offers a signing token, use that and gitlab().
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: gitlabToken(), secrets: envSecrets('GITLAB_TOKEN_SECRET') })
 * ```
 */
export function gitlabToken(): DefinedScheme {
  return scheme;
}
