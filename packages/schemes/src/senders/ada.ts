import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { svixSender } from './svix.ts';

const scheme = lazily(() =>
  svixSender('ada', {
    sender: 'Ada',
    confidence: 'third-party',
    testedWith: 'sender-library',
    library: 'svix',
    retryRules: 'documented',
    checkedOn: '2026-12-01',
    notFound:
      'Only the signature was compared, with the library of the sender: retries, timeout and rotation were not read again.',
    sources: [
      'https://docs.ada.cx/reference/webhooks/overview',
      'https://docs.ada.cx/reference/webhooks/get-webhook-secret',
      'github.com/AdaSupport/ada-conversations-api-demo app/server/webhooks.py at 56cc10d',
      'https://docs.svix.com/receiving/verifying-payloads/how-manual',
    ],
    assumptions: [
      "Headers, signed content, key and digest are Svix's: inferred from Ada's own demo, which verifies with the svix library. Ada's documentation does not say it.",
      'Both header families are accepted, svix-* and webhook-*, because Svix lets a sender rename them.',
      'Tolerance is 300 s both ways, as in the Svix libraries.',
      'Every retry has the same id and a new timestamp, as with Svix.',
    ],
    rotation:
      'Not documented by Ada. Svix signs with the old and the new secret for 24 hours by default, but Ada may have set 0: keep the old one as `previous`.',
    notes: [
      "Ada's API returns the secret, but only the new one: after a rotation, the receiver must remember the old one itself.",
      'Events can arrive out of order.',
    ],
  }),
);

/**
 * Ada, which sends through Svix: `svix-signature: v1,<base64> …` over `{svix-id}.{svix-timestamp}.{body}`, or `webhook-*`
 * headers.
 *
 * - Secret: base64 after `whsec_`; a custom key may have no prefix.
 * - Identity: the id, which is signed and the same in every retry (inferred from Svix).
 * - Delivery: eight attempts within 27.6 hours after any failure; a bad signature gets 401.
 *
 * Most of this is inferred from Svix: see `ada().definition.about`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: ada(), secrets: fileSecrets('/run/secrets/ada') })
 * ```
 */
export function ada(): DefinedScheme {
  return scheme();
}
