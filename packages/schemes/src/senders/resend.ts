import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { svixSender } from './svix.ts';

const scheme = lazily(() =>
  svixSender(
    'resend',
    {
      sender: 'Resend',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: 'resend',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'Retries were read, too. Not found: timeout and rotation, which are those of Svix.',
      sources: [
        'https://resend.com/docs/dashboard/webhooks/verify-webhooks-requests',
        'https://resend.com/docs/webhooks/retries-and-replays',
        'https://docs.svix.com/receiving/verifying-payloads/how-manual',
      ],
      assumptions: ['The timeout is as Svix documents it.'],
      secretFrom: 'In the dashboard under Webhooks: the signing secret of the webhook (`whsec_…`).',
      rotation: 'For 24 hours, Svix signs with both the old and the new secret, with one entry each.',
    },
    { re_: 'an API key of Resend. Paste the signing secret of the webhook, which begins with whsec_' },
  ),
);

/**
 * Resend, through Svix: `svix-signature: v1,<base64> …` over `{svix-id}.{svix-timestamp}.{body}`.
 *
 * - Identity: the id, which is signed and the same in every retry.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: resend(), secrets: envSecrets('RESEND_SECRET') })
 * ```
 */
export function resend(): DefinedScheme {
  return scheme();
}
