import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONLY_PUBLIC_CODE } from './shared-facts.ts';
import { svixSender } from './svix.ts';

const scheme = lazily(() =>
  svixSender('etsy', {
    sender: 'Etsy',
    confidence: 'third-party',
    testedWith: 'sender-library',
    library: 'svix',
    retryRules: 'documented',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: [
      'https://developers.etsy.com/documentation/essentials/webhooks',
      'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/config.ts',
      'https://docs.svix.com/receiving/verifying-payloads/how-manual',
    ],
    assumptions: [
      'The sender documents the schedule of Svix: it is assumed to deliver through Svix, with its timeout.',
    ],
    rotation: 'For 24 hours, Svix signs with both the old and the new secret, with one entry each.',
  }),
);

/**
 * Etsy, through Svix: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`, or the same with `svix-*` headers.
 *
 * - Identity: the id, which is signed and the same in every retry.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: etsy(), secrets: envSecrets('ETSY_WEBHOOK_SECRET') })
 * ```
 */
export function etsy(): DefinedScheme {
  return scheme();
}
