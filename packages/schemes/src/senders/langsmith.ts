import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const WEEK = 7 * 86_400;
const AHEAD = 300;

const scheme = lazily(() =>
  defineScheme({
    name: 'langsmith',
    // The key is the secret's text: the vendor's samples encode it as UTF-8 and decode nothing.
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        lsv2_: 'an API key of LangSmith. Paste the signing secret of the webhook',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-langsmith-signature', prefix: 'sha256=', encoding: 'hex' },
      content: '{body}',
    },
    identity: { bodyField: 'id' },
    // The only signed time is when the event was queued. Retries repeat it, and their span is not documented. So the window must be
    // far longer than any plausible span; it is also how long a delivery is remembered.
    bodyTimestamp: { field: 'created', unit: 's', past: WEEK - AHEAD, future: AHEAD },
    eventType: { bodyField: 'type' },
    delivery: {
      // Any other 4xx drops the delivery for good: a signature that matches no key must not get 401 here.
      retries: [408, 425, 429, '5xx'],
      timeoutSeconds: 20,
      idStableOverRetries: true,
      retrySignature: 'repeated',
    },
    about: {
      sender: 'LangSmith (Engine and Context Hub webhooks)',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      sources: [
        'https://docs.langchain.com/langsmith/engine-webhooks',
        'https://docs.langchain.com/langsmith/context-hub-webhooks',
        'github.com/langchain-ai/docs src/langsmith/engine-webhooks.mdx at 3363fc4b',
        'github.com/langchain-ai/docs src/langsmith/context-hub-webhooks.mdx at 3db349ec',
      ],
      assumptions: [
        'Hex digits are lower case: documented for Context Hub webhooks, assumed for Engine webhooks.',
        'A retry repeats the signature: the documentation says that its body is byte-identical, but not whether a retry after a roll has a new signature.',
        'The seven days are our choice: the documentation describes four attempts with exponential backoff, but not their span.',
      ],
      rotation:
        'The new secret signs at once and the old one stops signing as soon as the roll completes; no overlap.',
      notes: [
        'A retry and a captured replay have the same bytes and the same signature: only the remembered id distinguishes them from new events.',
        'All events of one action have the same request_id, so it does not identify a delivery.',
        'Sandbox callbacks (X-LangSmith-Signature-JWT) are signed in another way, so this scheme is not for them.',
      ],
    },
  }),
);

/**
 * LangSmith: `X-LangSmith-Signature: sha256=<hex>` over the body and nothing else.
 *
 * - Identity: the body's `id`, which the documentation calls unique for a delivery and the same in its retries. No header
 *   contains it.
 * - Time: no header is signed, but the body's `created` is, and it must be at most seven days old (assumption).
 * - Delivery: 408, 425, 429 and 5xx are retried, with four attempts in all; after any other 4xx the event is lost for good. So a
 *   signature that matches no key gets 429, and LangSmith retries it.
 *
 * `langsmith().definition.about` says what is documented and what is assumed.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: langsmith(), secrets: fileSecrets('/run/secrets/langsmith') })
 * ```
 */
export function langsmith(): DefinedScheme {
  return scheme();
}
