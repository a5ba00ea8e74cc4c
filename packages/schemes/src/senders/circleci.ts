import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'circleci',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'circleci-signature',
      list: { separator: ',', assign: '=', label: 'v1' },
      encoding: 'hex',
    },
    content: '{body}',
  },
  identity: { bodyField: 'id' },
  delivery: {
    retries: 'any-failure',
    timeoutSeconds: 10,
    idStableOverRetries: true,
    retrySignature: 'unknown',
  },
  about: {
    sender: 'CircleCI',
    confidence: 'sender-docs',
    testedWith: 'published-vectors',
    sources: ['https://circleci.com/docs/guides/integration/outbound-webhooks/'],
    assumptions: ['For how long deliveries are tried again is not documented: 24 hours are assumed.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['Only v1 is read; entries of other versions are passed over.'],
  },
});

/**
 * CircleCI: `circleci-signature: v1=<hex>` over the body.
 *
 * - Identity: the body's `id`.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: circleCi(), secrets: envSecrets('CIRCLE_CI_SECRET') })
 * ```
 */
export function circleCi(): DefinedScheme {
  return scheme;
}
