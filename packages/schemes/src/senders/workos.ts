import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'workos',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'workos-signature',
      list: { separator: ',', assign: '=', label: 'v1', blanks: true },
      encoding: 'hex',
    },
    timestamp: { entry: 't', unit: 'ms' },
    content: '{timestamp}.{body}',
  },
  identity: { bodyField: 'id' },
  tolerance: { past: 180, future: 180 },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 259_200,
    idStableOverRetries: true,
    retrySignature: 'renewed',
  },
  about: {
    sender: 'WorkOS',
    confidence: 'sender-code',
    testedWith: 'sender-library',
    sources: [
      'https://workos.com/docs/events/data-syncing/webhooks',
      'github.com/workos/workos-node src/common/crypto/signature-provider.ts',
    ],
    assumptions: [
      'A retry is signed anew with a new time: it could not pass 180 s otherwise.',
      "Times in the future are refused after 180 s as well: WorkOS's library takes any.",
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ["Actions are signed in the same way; WorkOS's library allows them 30 s: set `toleranceSeconds`."],
  },
});

/**
 * WorkOS: `WorkOS-Signature: t=<milliseconds>, v1=<hex>` over `{t}.{body}`.
 *
 * - Identity: the body's `id`.
 * - Delivery: any answer but 2xx is tried again for 3 days; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: workos(), secrets: envSecrets('WORKOS_SECRET') })
 * ```
 */
export function workos(): DefinedScheme {
  return scheme;
}
