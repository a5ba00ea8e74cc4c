import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { standardRule } from './standard-webhooks.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'openai',
    secret: [
      { encoding: 'base64', prefix: 'whsec_' },
      {
        encoding: 'utf8',
        mistakenFor: {
          'sk-':
            'an API key of OpenAI. Paste the signing secret of the webhook endpoint, which begins with whsec_',
        },
      },
    ],
    signed: standardRule('webhook'),
    identity: 'id',
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 259_200,
      idStableOverRetries: true,
      retrySignature: 'renewed',
    },
    about: {
      sender: 'OpenAI',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "OpenAI's own page was compared only through guides that repeat it: statuses and the 72 hours agree. Not found: how long OpenAI waits for a response.",
      sources: [
        'https://platform.openai.com/docs/guides/webhooks',
        'https://developers.openai.com/api/reference/typescript/resources/webhooks/methods/rotate_secret/',
        'github.com/openai/openai-node src/resources/webhooks.ts',
      ],
      assumptions: [
        'A retry has a new signature with a new timestamp: otherwise it could not pass the 300 s.',
      ],
      secretFrom:
        'In the settings of the project under Webhooks: the signing secret (`whsec_…`), shown once.',
      rotation:
        'The API replaces the secret: the old one ends at once, or after 24 hours if you ask for that. OpenAI does not document that both sign during that time.',
      notes: ["OpenAI's library also accepts a bare signature without v1: it is ignored here."],
    },
  }),
);

/**
 * OpenAI: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the `webhook-id`, which is signed and the same in every retry.
 * - Delivery: the sender retries after any response other than 2xx, for 3 days; a bad signature gets 401.
 * - Secret: base64 after `whsec_`; any other text is the key itself, as in OpenAI's own library.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: openai(), secrets: envSecrets('OPENAI_SECRET') })
 * ```
 */
export function openai(): DefinedScheme {
  return scheme();
}
