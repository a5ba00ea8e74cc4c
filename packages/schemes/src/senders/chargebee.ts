import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { NOTHING_SIGNED, ONE_RUN_PER_BODY, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'chargebee',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { token: 'constant-time' },
      signature: { header: 'authorization', prefix: 'Basic ', encoding: 'base64' },
    },
    identity: 'body',
    eventType: { bodyField: 'event_type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 283080,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Chargebee',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://www.chargebee.com/docs/billing/2.0/site-configuration/webhook_settings',
        'https://support.chargebee.com/support/solutions/articles/257941',
      ],
      assumptions: [],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        NOTHING_SIGNED,
        'In Chargebee, Basic authentication is optional. Without it, Countersign refuses every delivery.',
        "The body's id identifies an event.",
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

/**
 * Chargebee: HTTP Basic authentication. Secret: `user:password`, as in the settings of the webhook.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, seven times within 3.3 days; a bad token gets 401.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: chargebee(), secrets: envSecrets('CHARGEBEE_USER_AND_PASSWORD') })
 * ```
 */
export function chargebee(): DefinedScheme {
  return scheme();
}
