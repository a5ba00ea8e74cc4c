import { type DefinedScheme, type DeliveryRules, defineScheme, type SignatureRule } from '@countersign/core';
import type { SchemeSource } from '@countersign/core/extend';
import { lazily } from '../lazily.ts';

/** The signature rule of Standard Webhooks with one family of header names; Svix and Ada use it too. */
export function standardRule(family: 'webhook' | 'svix'): SignatureRule {
  return {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: `${family}-signature`,
      // Other labels, for example the v1a of public-key signatures, are ignored.
      list: { separator: ' ', assign: ',', label: 'v1' },
      encoding: 'base64',
    },
    timestamp: { header: `${family}-timestamp`, unit: 's' },
    id: { header: `${family}-id` },
    content: '{id}.{timestamp}.{body}',
  };
}

/**
 * A sender that follows Standard Webhooks by itself: it has its own name, sources and retries, and everything else is as in the
 * specification.
 */
export function standardSender(
  name: string,
  about: SchemeSource,
  delivery: DeliveryRules = { retries: 'unknown', idStableOverRetries: true, retrySignature: 'unknown' },
): DefinedScheme {
  return defineScheme({
    name,
    secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true },
    signed: standardRule('webhook'),
    identity: 'id',
    tolerance: { past: 300, future: 300 },
    delivery,
    about,
  });
}

const scheme = lazily(() =>
  defineScheme({
    name: 'standard-webhooks',
    secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true },
    signed: standardRule('webhook'),
    identity: 'id',
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 272_105,
      timeoutSeconds: 15,
      idStableOverRetries: true,
      retrySignature: 'renewed',
    },
    about: {
      sender: 'Standard Webhooks',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://www.standardwebhooks.com',
        'github.com/standard-webhooks/standard-webhooks spec/standard-webhooks.md at b2fa7b8',
        'github.com/standard-webhooks/standard-webhooks, its JavaScript library',
      ],
      assumptions: [
        'The specification shows a schedule of 75.6 hours as an example and recommends timeouts of 15 to 30 s; each sender decides for itself.',
      ],
      rotation:
        'The sender signs with the old and the new secret for a while, with two entries in one header. The sender decides for how long.',
      notes: [
        'Only symmetric signatures (v1) are read: v1a, Ed25519, is ignored.',
        'Some senders deviate from the format, for example with a new id in every retry, or a secret that is text instead of base64. Define a separate scheme for those.',
      ],
    },
  }),
);

/**
 * Standard Webhooks: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Secret: base64, with or without `whsec_` before it.
 * - Identity: the `webhook-id`, which is signed and the same in every retry.
 * - Delivery: the sender retries after every failure for 75.6 hours, as in the example of the specification; a bad signature gets
 *   401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: standardWebhooks(), secrets: envSecrets('WEBHOOK_SECRET') })
 * ```
 */
export function standardWebhooks(): DefinedScheme {
  return scheme();
}
