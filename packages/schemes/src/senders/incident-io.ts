import type { DefinedScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { svixSender } from './svix.ts';

const scheme = lazily(() =>
  svixSender('incident-io', {
    sender: 'incident.io',
    confidence: 'sender-docs',
    testedWith: 'sender-library',
    library: 'svix',
    retryRules: 'documented',
    checkedOn: '2026-12-01',
    sources: [
      'https://docs.incident.io/api-reference/webhooks',
      'https://docs.svix.com/receiving/verifying-payloads/how-manual',
    ],
    assumptions: ['The timeout is as Svix documents it.'],
    rotation: 'For 24 hours, Svix signs with both the old and the new secret, with one entry each.',
  }),
);

/**
 * incident.io, through Svix: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`, or the same with `svix-*` headers.
 *
 * - Identity: the id, which is signed and the same in every retry.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: incidentIo(), secrets: envSecrets('INCIDENT_IO_WEBHOOK_SECRET') })
 * ```
 */
export function incidentIo(): DefinedScheme {
  return scheme();
}
