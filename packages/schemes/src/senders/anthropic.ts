import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { standardRule } from './standard-webhooks.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'anthropic',
    secret: {
      encoding: 'base64',
      prefix: 'whsec_',
      prefixOptional: true,
      mistakenFor: {
        'sk-ant-': 'an API key of Anthropic. Paste the signing key of the webhook, which begins with whsec_',
      },
    },
    signed: standardRule('webhook'),
    identity: 'id',
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'data.type' },
    delivery: {
      retries: 'unknown',
      retrySpanSeconds: 300,
      idStableOverRetries: true,
      retrySignature: 'renewed',
    },
    about: {
      sender: 'Anthropic',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: '@anthropic-ai/sdk',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'Only the signature was compared, with the library of the sender: retries, timeout and rotation were not read again.',
      sources: [
        'https://platform.claude.com/docs/en/managed-agents/webhooks',
        'github.com/anthropics/anthropic-sdk-typescript src/resources/beta/webhooks.ts',
        'https://www.standardwebhooks.com',
      ],
      assumptions: [
        'The sender does not document which statuses it retries: a 4xx is assumed to be final.',
        'Three attempts, 5 to 120 s apart: 5 minutes are assumed.',
      ],
      secretFrom: 'In the Console, with the webhook: the signing key (`whsec_…`).',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        "The webhook-id is the event's id, which the body also contains.",
        'A redirect disables the endpoint at once; repeated failures disable it after a while.',
      ],
    },
  }),
);

/**
 * Anthropic: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the `webhook-id`, which is the event's id and the same in every retry.
 * - Delivery: three attempts within minutes; the sender does not document after which statuses; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: anthropic(), secrets: envSecrets('ANTHROPIC_SECRET') })
 * ```
 */
export function anthropic(): DefinedScheme {
  return scheme();
}
