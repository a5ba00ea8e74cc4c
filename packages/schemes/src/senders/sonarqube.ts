import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import { ONE_RUN_PER_BODY, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'sonarqube',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('x-sonar-webhook-hmac-sha256'),
    identity: 'body',
    unsignedHeaders: { project: 'x-sonarqube-project' },

    delivery: { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'SonarQube (Server, Cloud)',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound:
        'Header, signature and the single attempt were read in the code of the server (of 2019). Not found: the timeout.',
      sources: [
        'https://docs.sonarsource.com/sonarqube-server/latest/project-administration/webhooks/',
        'github.com/SonarSource/sonarqube server/sonar-server-common/src/main/java/org/sonar/server/webhook/WebhookCallerImpl.java',
      ],
      assumptions: ['SonarQube Cloud is assumed to send once, like the server.'],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'SonarQube never retries: a delivery that is refused or fails is lost.',
        'The header is there only if the webhook has a secret. Without one, Countersign refuses every delivery.',
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

/**
 * SonarQube: `X-Sonar-Webhook-HMAC-SHA256: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender never retries; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: sonarQube(), secrets: envSecrets('SONARQUBE_WEBHOOK_SECRET') })
 * ```
 */
export function sonarQube(): DefinedScheme<'project'> {
  return scheme();
}
