import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { svixSender } from './svix.ts';

const scheme = lazily(() =>
  svixSender('recall', {
    sender: 'Recall.ai',
    confidence: 'sender-docs',
    testedWith: 'sender-library',
    library: 'svix',
    retryRules: 'documented',
    checkedOn: '2026-12-01',
    sources: [
      'https://docs.recall.ai/docs/authenticating-requests-from-recallai',
      'https://docs.recall.ai/reference-link/webhooks-overview',
      'https://docs.svix.com/receiving/verifying-payloads/how-manual',
    ],
    assumptions: ['The timeout is as Svix documents it.'],
    rotation: 'For 24 hours, Svix signs with both the old and the new secret, with one entry each.',
    notes: [
      'Real-time endpoints, which Recall.ai calls itself, have the same signature but other retries.',
      'Workspaces from before December 2025 have another secret for each Svix endpoint.',
    ],
  }),
);

/**
 * Recall.ai, through Svix: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`, or the same with `svix-*` headers.
 *
 * - Identity: the id, which is signed and the same in every retry.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: recall(), secrets: envSecrets('RECALL_WEBHOOK_SECRET') })
 * ```
 */
export function recall(): DefinedScheme {
  return scheme();
}
