import { type DefinedScheme, defineScheme } from '@countersign/core';
import type { SchemeSource } from '@countersign/core/extend';
import { lazily } from '../lazily.ts';
import { standardRule } from './standard-webhooks.ts';

/**
 * A sender that delivers through Svix: it has its own name and sources, and everything else is as in Svix. Both families of
 * headers are read, because Svix lets a sender rename them.
 */
export function svixSender(
  name: string,
  about: SchemeSource,
  mistakenFor: Readonly<Record<string, string>> = {},
): DefinedScheme {
  return defineScheme({
    name,
    secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true, mistakenFor },
    signed: [standardRule('svix'), standardRule('webhook')],
    identity: 'id',
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      // 5 s + 5 min + 30 min + 2 h + 5 h + 10 h + 10 h.
      retrySpanSeconds: 99_305,
      timeoutSeconds: 15,
      idStableOverRetries: true,
      retrySignature: 'renewed',
    },
    about,
  });
}

const scheme = lazily(() =>
  svixSender('svix', {
    sender: 'Svix',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    retryRules: 'documented',
    checkedOn: '2026-12-01',
    notFound: 'The documented wait of 15 s and the rules about replaced secrets were not read again.',
    sources: [
      'https://docs.svix.com/receiving/verifying-payloads/how-manual',
      'https://docs.svix.com/retries',
      'github.com/svix/svix-docs docs/retries.mdx',
      'github.com/svix/svix-webhooks server/svix-server/src at 4fc0cfb8',
      'github.com/svix/svix-webhooks server/svix-server/config.default.toml',
    ],
    assumptions: [],
    secretFrom:
      "On the page of the endpoint in the sender's application portal: the signing secret (`whsec_…`).",
    rotation:
      'Every active secret signs, with one entry each. A replaced secret stays active for 24 hours by default (the sender may set 0 to 7 days), and up to 10 replaced secrets can be active.',
    notes: [
      'Both header families are read, svix-* first; one request must use only one of them.',
      'A message that is resent by hand keeps its id: if it was handled before, it counts as a duplicate.',
      'An endpoint that fails for 5 days is disabled.',
      'A secret that the sender chose may have no whsec_.',
      'An own Svix server waits 30 s for a response, unless its owner changes that; Svix documents 15 s.',
    ],
  }),
);

/**
 * Svix: `svix-signature: v1,<base64> …` over `{svix-id}.{svix-timestamp}.{body}`, or the same with `webhook-*` headers.
 *
 * - Secret: base64, with or without `whsec_` before it.
 * - Identity: the id, which is signed and the same in every retry and resend.
 * - Delivery: eight attempts within 27.6 hours after any failure; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: svix(), secrets: { current: newSecret, previous: oldSecret } })
 * ```
 */
export function svix(): DefinedScheme {
  return scheme();
}
