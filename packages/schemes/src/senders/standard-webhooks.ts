import { type DefinedScheme, defineScheme, type SignatureRule } from '@countersign/core';

/** The signed form of Standard Webhooks under one family of header names; Svix and Ada use it too. */
export function standardRule(family: 'webhook' | 'svix'): SignatureRule {
  return {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: `${family}-signature`,
      // Other labels, such as the v1a of public-key signatures, are passed over.
      list: { separator: ' ', assign: ',', label: 'v1' },
      encoding: 'base64',
    },
    timestamp: { header: `${family}-timestamp`, unit: 's' },
    id: { header: `${family}-id` },
    content: '{id}.{timestamp}.{body}',
  };
}

const scheme = defineScheme({
  name: 'standard-webhooks',
  secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true },
  signed: standardRule('webhook'),
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
    sender: 'Standard Webhooks',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://www.standardwebhooks.com',
      'github.com/standard-webhooks/standard-webhooks spec/standard-webhooks.md at b2fa7b8',
      'github.com/standard-webhooks/standard-webhooks, its JavaScript library',
    ],
    assumptions: [
      'Retries of about 75 hours and timeouts of 15 to 30 s are what the specification recommends; each sender decides for itself.',
    ],
    rotation:
      'The sender signs with the old and the new secret for a while: two entries in one header. How long is up to the sender.',
    notes: [
      'Symmetric signatures (v1) only: v1a, Ed25519, is passed over.',
      'Some senders that follow the format depart from it: a new id on every retry, or a secret that is text rather than base64. Define those on their own.',
    ],
  },
});

/**
 * Standard Webhooks: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Secret: base64, with or without `whsec_` before it.
 * - Identity: the `webhook-id`, which is signed and the same in every retry.
 * - Delivery: every failure is tried again for about 75 hours, as the specification recommends; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: standardWebhooks(), secrets: envSecrets('WEBHOOK_SECRET') })
 * ```
 */
export function standardWebhooks(): DefinedScheme {
  return scheme;
}
