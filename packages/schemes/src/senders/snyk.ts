import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'snyk',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('x-hub-signature', { prefix: 'sha256=' }),
    identity: 'body',
    eventType: { header: 'x-snyk-event' },
    unsignedHeaders: { event: 'x-snyk-event', transportId: 'x-snyk-transport-id' },

    delivery: UNDOCUMENTED,
    about: {
      sender: 'Snyk',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'Header and signature were read. Looked for in the documentation, but not found: retries, timeout and rotation.',
      sources: [
        'https://docs.snyk.io/snyk-api/using-specific-snyk-apis/webhooks-apis/validating-payloads',
        'github.com/snyk/user-docs docs/snyk-api/how-to-use-snyk-webhooks-apis',
      ],
      assumptions: [RETRIES_UNDOCUMENTED],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'Here the header X-Hub-Signature contains SHA-256.',
        'X-Snyk-Event ends with a version, such as project_snapshot/v0.',
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

/**
 * Snyk: `X-Hub-Signature: sha256=<hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: snyk(), secrets: envSecrets('SNYK_WEBHOOK_SECRET') })
 * ```
 */
export function snyk(): DefinedScheme<'event' | 'transportId'> {
  return scheme();
}
