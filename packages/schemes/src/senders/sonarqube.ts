import { type DefinedScheme, defineScheme } from '@countersign/core';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'sonarqube',
  secret: { encoding: 'utf8' },
  signed: bodyHmac('x-sonar-webhook-hmac-sha256'),
  identity: 'body',
  unsignedHeaders: { project: 'x-sonarqube-project' },

  delivery: UNDOCUMENTED,
  about: {
    sender: 'SonarQube (Server, Cloud)',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: ['https://docs.sonarsource.com/sonarqube-server/latest/project-administration/webhooks/'],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [ONE_RUN_PER_BODY],
  },
});

/**
 * SonarQube: `X-Sonar-Webhook-HMAC-SHA256: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: sonarQube(), secrets: envSecrets('SONARQUBE_WEBHOOK_SECRET') })
 * ```
 */
export function sonarQube(): DefinedScheme<'project'> {
  return scheme;
}
