import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONLY_PUBLIC_CODE } from './shared-facts.ts';
import { svixSender } from './svix.ts';

const scheme = lazily(() =>
  svixSender('vanta', {
    sender: 'Vanta',
    confidence: 'third-party',
    testedWith: 'sender-library',
    library: 'svix',
    retryRules: 'documented',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: [
      'https://developer.vanta.com/docs/webhooks',
      'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/config.ts',
      'https://docs.svix.com/receiving/verifying-payloads/how-manual',
    ],
    assumptions: ['Retries and timeout are as Svix documents them.'],
    rotation: 'For 24 hours, Svix signs with both the old and the new secret, with one entry each.',
  }),
);

/**
 * Vanta, through Svix: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`, or the same with `svix-*` headers.
 *
 * - Identity: the id, which is signed and the same in every retry.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: vanta(), secrets: envSecrets('VANTA_WEBHOOK_SECRET') })
 * ```
 */
export function vanta(): DefinedScheme {
  return scheme();
}
