import { type DefinedScheme, defineScheme } from '@countersign/core';

const WEEK = 7 * 86_400;
const AHEAD = 300;

const scheme = defineScheme({
  name: 'langsmith',
  // The secret's text as it is: the vendor's samples encode it as UTF-8 and decode nothing.
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-langsmith-signature', prefix: 'sha256=', encoding: 'hex' },
    content: '{body}',
  },
  identity: { bodyField: 'id' },
  // The only signed time is when the event was queued. Retries don't move it and their span is not documented, so the window
  // must be far longer than any plausible span; it is also how long a delivery is remembered.
  bodyTimestamp: { field: 'created', unit: 's', past: WEEK - AHEAD, future: AHEAD },
  delivery: {
    // Any other 4xx drops the delivery for good: a signature that no key matches must not be answered with 401 here.
    retries: [408, 425, 429, '5xx'],
    timeoutSeconds: 20,
    idStableOverRetries: true,
    retrySignature: 'repeated',
  },
  about: {
    sender: 'LangSmith (Engine and Context Hub webhooks)',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: [
      'https://docs.langchain.com/langsmith/engine-webhooks',
      'https://docs.langchain.com/langsmith/context-hub-webhooks',
      'github.com/langchain-ai/docs src/langsmith/engine-webhooks.mdx at 3363fc4b',
      'github.com/langchain-ai/docs src/langsmith/context-hub-webhooks.mdx at 3db349ec',
    ],
    assumptions: [
      'Hex digits are lower case: said for Context Hub webhooks, taken over for Engine webhooks.',
      'A retry repeats the signature: its body is documented as byte-identical; whether a retry that falls after a roll is signed anew is not.',
      'The seven days are ours: four attempts with exponential backoff are documented, their span is not.',
    ],
    rotation:
      'The new secret signs at once and the old one stops signing as soon as the roll completes; no overlap.',
    notes: [
      'A retry and a captured replay are the same bytes with the same signature: only remembering the id tells them from new events.',
      'request_id is shared by all events of one action and identifies no delivery.',
      'Sandbox callbacks (X-LangSmith-Signature-JWT) are signed in another way and are not covered.',
    ],
  },
});

/**
 * LangSmith: `X-LangSmith-Signature: sha256=<hex>` over the body alone.
 *
 * - Identity: the body's `id`, documented as unique for a delivery and the same in its retries. No header names it.
 * - Time: no header is signed; the body's `created` is, and must lie within seven days (assumption).
 * - Delivery: 408, 425, 429 and 5xx are tried again, four attempts in all; any other 4xx loses the event for good. So a signature
 *   that no key matches is answered with 429, and comes back when the new secret is here.
 *
 * What is fact and what is assumed stands in `langsmith().definition.about`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: langsmith(), secrets: fileSecrets('/run/secrets/langsmith') })
 * ```
 */
export function langsmith(): DefinedScheme {
  return scheme;
}
