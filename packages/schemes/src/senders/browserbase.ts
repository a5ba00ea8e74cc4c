import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { svixSender } from './svix.ts';

const scheme = lazily(() =>
  svixSender('browserbase', {
    sender: 'Browserbase',
    confidence: 'sender-docs',
    testedWith: 'sender-library',
    library: 'standardwebhooks',
    retryRules: 'documented',
    checkedOn: '2026-12-01',
    sources: [
      'https://docs.browserbase.com/platform/webhooks/verifying-deliveries',
      'https://docs.svix.com/receiving/verifying-payloads/how-manual',
    ],
    assumptions: [
      'The sender documents the schedule of Svix, and no other window of its own: it is assumed to deliver through Svix.',
    ],
    rotation: 'For 24 hours, Svix signs with both the old and the new secret, with one entry each.',
  }),
);

/**
 * Browserbase, through Svix: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`, or the same with `svix-*` headers.
 *
 * - Identity: the id, which is signed and the same in every retry.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: browserbase(), secrets: envSecrets('BROWSERBASE_WEBHOOK_SECRET') })
 * ```
 */
export function browserbase(): DefinedScheme {
  return scheme();
}
