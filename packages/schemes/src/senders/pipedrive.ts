import { type DefinedScheme, defineScheme } from '@countersign/core';
import {
  NOTHING_SIGNED,
  ONE_RUN_PER_BODY,
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'pipedrive',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { token: 'constant-time' },
    signature: { header: 'authorization', prefix: 'Basic ', encoding: 'base64' },
  },
  identity: 'body',
  delivery: UNDOCUMENTED,
  about: {
    sender: 'Pipedrive',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: ['https://pipedrive.readme.io/docs/guide-for-webhooks-v2'],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [
      NOTHING_SIGNED,
      'In Pipedrive, user and password are optional. Without them, Countersign refuses every delivery.',
      ONE_RUN_PER_BODY,
    ],
  },
});

/**
 * Pipedrive: HTTP Basic authentication. Secret: `user:password`, as in the settings of the webhook.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad token gets 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: pipedrive(), secrets: envSecrets('PIPEDRIVE_USER_AND_PASSWORD') })
 * ```
 */
export function pipedrive(): DefinedScheme {
  return scheme;
}
