import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'inngest',
    secret: { encoding: 'utf8', prefix: 'signkey-*-', prefixOptional: true },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'x-inngest-signature',
        list: { separator: '&', assign: '=', label: 's' },
        encoding: 'hex',
      },
      timestamp: { entry: 't', unit: 's' },
      content: '{canonicalJson}{timestamp}',
    },
    identity: 'content',
    tolerance: { past: 300, future: 300 },
    delivery: { retries: 'any-failure', idStableOverRetries: 'unknown', retrySignature: 'renewed' },
    about: {
      sender: 'Inngest',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'The rules about retries were not read again, because the function decides them.',
      sources: [
        'https://www.inngest.com/docs/platform/signing-keys',
        'github.com/inngest/inngest-js packages/inngest/src/helpers/net.ts',
      ],
      assumptions: [
        'A retry has a new signature with a new timestamp: otherwise it could not pass the 300 s.',
        'The function decides for how long Inngest retries: 24 hours are assumed.',
      ],
      rotation: 'Inngest accepts a fallback key in addition to the signing key: configure both.',
      notes: ["Inngest's library verifies by itself; use this scheme for a proxy in front of it."],
    },
  }),
);

/**
 * Inngest: `X-Inngest-Signature: t=<seconds>&s=<hex>` over the JSON body in canonical form and `{t}`.
 *
 * - Identity: everything that is signed except the timestamp.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 * - Secret: what follows `signkey-<environment>-`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: inngest(), secrets: envSecrets('INNGEST_SECRET') })
 * ```
 */
export function inngest(): DefinedScheme {
  return scheme();
}
