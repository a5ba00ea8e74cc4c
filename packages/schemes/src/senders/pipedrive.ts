import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import {
  NOTHING_SIGNED,
  ONE_RUN_PER_BODY,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'pipedrive',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { token: 'constant-time' },
      signature: { header: 'authorization', prefix: 'Basic ', encoding: 'base64' },
    },
    identity: 'body',
    delivery: {
      retries: 'unknown',
      timeoutSeconds: 10,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Pipedrive',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The pages about webhooks were read in part: any response other than 2xx within 10 s is a failed first try. Not found: which further tries follow, and when.',
      sources: [
        'https://pipedrive.readme.io/docs/guide-for-webhooks-v2',
        'https://pipedrive.readme.io/docs/webhooks-for-apps',
      ],
      assumptions: [RETRIES_UNDOCUMENTED],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        NOTHING_SIGNED,
        'Pipedrive counts failed first tries and bans a webhook for a while if there are too many.',
        'In Pipedrive, user and password are optional. Without them, Countersign refuses every delivery.',
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

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
  return scheme();
}
