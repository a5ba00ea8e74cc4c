import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { standardRule } from './standard-webhooks.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'replicate',
    secret: {
      encoding: 'base64',
      prefix: 'whsec_',
      prefixOptional: true,
      mistakenFor: {
        r8_: 'an API token of Replicate. Paste the signing secret of the webhooks, which begins with whsec_',
      },
    },
    signed: standardRule('webhook'),
    identity: 'id',
    tolerance: { past: 300, future: 300 },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 60,
      idStableOverRetries: true,
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Replicate',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The signature was compared, with published signatures. Looked for, but not found: the pages of the sender about retries, timeout and rotation.',
      sources: [
        'https://replicate.com/docs/topics/webhooks/verify-webhook',
        'https://replicate.com/docs/topics/webhooks/receive-webhook',
        'github.com/replicate/replicate-javascript lib/util.js',
      ],
      assumptions: ["Tolerance is 300 s both ways: Replicate's JavaScript library enforces none."],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: ['Only the webhook of a finished prediction is retried, for about a minute.'],
    },
  }),
);

/**
 * Replicate: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the `webhook-id`.
 * - Delivery: the sender retries after any response other than 2xx, for 1 minute; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: replicate(), secrets: envSecrets('REPLICATE_SECRET') })
 * ```
 */
export function replicate(): DefinedScheme {
  return scheme();
}
