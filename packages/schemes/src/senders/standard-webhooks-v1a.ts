import { type DefinedScheme, defineScheme } from '@countersign/core';

/** The rule of public-key signatures under one family of header names. */
function asymmetricRule(family: 'webhook' | 'svix') {
  return {
    algorithm: { publicKey: 'ed25519' },
    signature: {
      header: `${family}-signature`,
      list: { separator: ' ', assign: ',', label: 'v1a' },
      encoding: 'base64',
    },
    timestamp: { header: `${family}-timestamp`, unit: 's' },
    id: { header: `${family}-id` },
    content: '{id}.{timestamp}.{body}',
  } as const;
}

const scheme = defineScheme({
  name: 'standard-webhooks-v1a',
  secret: { publicKey: 'ed25519', encoding: 'raw-base64', prefix: 'whpk_' },
  signed: [asymmetricRule('webhook'), asymmetricRule('svix')],
  identity: 'id',
  tolerance: { past: 300, future: 300 },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 270_000,
    timeoutSeconds: 15,
    idStableOverRetries: true,
    retrySignature: 'renewed',
  },
  about: {
    sender: 'Standard Webhooks (v1a, public key)',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://www.standardwebhooks.com',
      'github.com/standard-webhooks/standard-webhooks spec/standard-webhooks.md at b2fa7b8',
      'github.com/svix/svix-webhooks server/svix-server/src/worker.rs',
    ],
    assumptions: [
      'The specification recommends retries for about 75 hours and timeouts of 15 to 30 s; each sender decides for itself.',
    ],
    rotation:
      'The sender signs with the old and the new key for a while, with two entries in one header. The sender decides for how long.',
    notes: [
      'The secret is the public key, whpk_…: never give a receiver the private key, whsk_…',
      'Both header families are read, webhook-* first; one request must use only one of them.',
      'Symmetric signatures (v1) in the same header are ignored: standardWebhooks() reads those.',
    ],
  },
});

/**
 * Standard Webhooks with a public key: `webhook-signature: v1a,<base64> …`, Ed25519 over
 * `{webhook-id}.{webhook-timestamp}.{body}`, or the same with `svix-*` headers.
 *
 * - Secret: the sender's public key, base64 after `whpk_`.
 * - Identity: the id, which is signed and the same in every retry.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: standardWebhooksV1a(), secrets: envSecrets('WEBHOOK_PUBLIC_KEY') })
 * ```
 */
export function standardWebhooksV1a(): DefinedScheme {
  return scheme;
}
