import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'hubspot-v2',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        'pat-': 'an access token of a private app. Paste the client secret of the app',
      },
    },
    signed: {
      algorithm: { hash: 'sha256' },
      signature: { header: 'x-hubspot-signature', encoding: 'hex' },
      content: '{secret}{method}{url}{body}',
    },
    identity: 'content',
    delivery: {
      retries: [429, '5xx'],
      retrySpanSeconds: 86_400,
      timeoutSeconds: 5,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      usesResponse: true,
    },
    about: {
      sender: 'HubSpot (v2)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "HubSpot's page about errors was read in a public copy. Replacing the client secret was not found in the documentation.",
      sources: [
        'https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests',
        'github.com/HubSpot/hubspot-api-nodejs src/signature',
        'https://developers.hubspot.com/docs/api-reference/latest/error-handling',
        'https://developers.hubspot.com/docs/methods/workflows/webhook_information',
      ],
      assumptions: [],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'The body contains the number of the attempt (attemptNumber). So after a failure, an event may run again although it was handled. Compare eventId in the handler.',
        'HubSpot uses v2 for CRM cards and workflow actions, whose responses it shows or acts on. So each request runs, and nothing is remembered by default: pass a `replay` store if a request must run once.',
        'Workflows do not retry after a 4xx other than 429. They wait up to 30 seconds for a response, CRM cards 5 seconds.',
      ],
    },
  }),
);

/**
 * HubSpot, v2: `X-HubSpot-Signature: <hex>`, SHA-256 of client secret, method, URL and body.
 *
 * - Every request runs, because the sender uses the response; nothing is remembered unless you pass a `replay` store.
 * - Identity: everything that is signed except the timestamp: method, URL and body.
 * - Delivery: workflows retry only after 429 and 5xx, for 1 day; a bad signature gets 429.
 * - The signature is a plain hash without a timestamp: if HubSpot sends v3, use hubspot(). Needs `publicUrl`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: hubspotV2(), secrets: envSecrets('HUBSPOT_CLIENT_SECRET') })
 * ```
 */
export function hubspotV2(): DefinedScheme {
  return scheme();
}
