import { type DefinedScheme, defineScheme } from '@countersign/core';
import { standardRule } from './standard-webhooks.ts';

const scheme = defineScheme({
  name: 'gitlab',
  secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true },
  signed: standardRule('webhook'),
  identity: 'id',
  tolerance: { past: 300, future: 300 },
  unsignedHeaders: { event: 'x-gitlab-event' },
  delivery: { retries: 'unknown', timeoutSeconds: 10, idStableOverRetries: true, retrySignature: 'unknown' },
  about: {
    sender: 'GitLab',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://docs.gitlab.com/user/project/integrations/webhooks/'],
    assumptions: [
      'Tolerance is 300 s both ways, as the specification that GitLab follows says.',
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Webhooks with a secret token (X-Gitlab-Token) instead: gitlabToken().',
      'A webhook that fails four times in a row is disabled for a while.',
    ],
  },
});

/**
 * GitLab, with a signing token: `webhook-signature: v1,<base64>` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the `webhook-id`, which equals the `Idempotency-Key`.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: gitlab(), secrets: envSecrets('GITLAB_SECRET') })
 * ```
 */
export function gitlab(): DefinedScheme {
  return scheme;
}
