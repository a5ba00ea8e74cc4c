import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { svixSender } from './svix.ts';

const scheme = lazily(() =>
  svixSender(
    'clerk',
    {
      sender: 'Clerk',
      confidence: 'sender-docs',
      testedWith: 'sender-library',
      library: '@clerk/backend',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: "The schedule was read in the configuration of Svix's server, not in Clerk's documentation.",
      sources: [
        'https://clerk.com/docs/webhooks/sync-data',
        'https://docs.svix.com/receiving/verifying-payloads/how-manual',
        'https://clerk.com/docs/guides/development/webhooks/overview',
      ],
      assumptions: ['Retries and timeout are as Svix documents them.'],
      secretFrom: 'In the dashboard under Webhooks: the signing secret of the endpoint (`whsec_…`).',
      rotation: 'For 24 hours, Svix signs with both the old and the new secret, with one entry each.',
    },
    {
      sk_: 'a secret key of Clerk. Paste the signing secret of the webhook endpoint, which begins with whsec_',
      pk_: 'a publishable key of Clerk. Paste the signing secret of the webhook endpoint, which begins with whsec_',
    },
  ),
);

/**
 * Clerk, through Svix: `svix-signature: v1,<base64> …` over `{svix-id}.{svix-timestamp}.{body}`.
 *
 * - Identity: the id, which is signed and the same in every retry.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: clerk(), secrets: envSecrets('CLERK_SECRET') })
 * ```
 */
export function clerk(): DefinedScheme {
  return scheme();
}
