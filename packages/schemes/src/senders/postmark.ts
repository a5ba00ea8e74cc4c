import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { NOTHING_SIGNED, ONE_RUN_PER_BODY, ONLY_200, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'postmark',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { token: 'constant-time' },
      signature: { header: 'authorization', prefix: 'Basic ', encoding: 'base64' },
    },
    identity: 'body',
    eventType: { bodyField: 'RecordType' },
    delivery: {
      retries: 'any-failure',
      // 10 retries of an inbound message, after 1, 5, 3 × 10, 15, 30, 60, 120 and 360 minutes.
      retrySpanSeconds: 37_260,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Postmark',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: "Of the sender's own pages, only the one about retries was compared.",
      sources: [
        'https://postmarkapp.com/developer/webhooks/webhooks-overview',
        'https://postmarkapp.com/support/article/understanding-inbound-webhook-retries-in-postmark',
        'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/bespoke/token-auth-providers.ts',
      ],
      assumptions: [
        'Retries are those of inbound messages: those of other webhooks were not compared, and are assumed to end no later.',
      ],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        NOTHING_SIGNED,
        'For Postmark a 403 is final, so Countersign never responds with it.',
        'Give Postmark a URL with user and password (`https://user:password@…`), or Basic credentials. Without them, Countersign refuses every delivery.',
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

/**
 * Postmark: HTTP Basic authentication. Secret: `user:password`, as in the URL of the webhook.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200 and 403, for 10.4 hours; a bad token gets 401.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: postmark(), secrets: envSecrets('POSTMARK_USER_AND_PASSWORD') })
 * ```
 */
export function postmark(): DefinedScheme {
  return scheme();
}
