import { type DefinedScheme, defineScheme } from '@countersign/core';
import {
  NOTHING_SIGNED,
  ONE_RUN_PER_BODY,
  ONLY_200,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'postmark',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { token: 'constant-time' },
    signature: { header: 'authorization', prefix: 'Basic ', encoding: 'base64' },
  },
  identity: 'body',
  delivery: { ...UNDOCUMENTED, acknowledgement: ONLY_200 },
  about: {
    sender: 'Postmark',
    confidence: 'third-party',
    testedWith: 'formula-only',
    sources: [
      'https://postmarkapp.com/developer/webhooks/webhooks-overview',
      'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/bespoke/token-auth-providers.ts',
    ],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [
      NOTHING_SIGNED,
      'Give Postmark a URL with user and password (`https://user:password@…`), or Basic credentials. Without them, Countersign refuses every delivery.',
      ONE_RUN_PER_BODY,
    ],
  },
});

/**
 * Postmark: HTTP Basic authentication. Secret: `user:password`, as in the URL of the webhook.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad token gets 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: postmark(), secrets: envSecrets('POSTMARK_USER_AND_PASSWORD') })
 * ```
 */
export function postmark(): DefinedScheme {
  return scheme;
}
