import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'hubspot-v1',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        'pat-': 'an access token of a private app. Paste the client secret of the app',
      },
    },
    signed: {
      algorithm: { hash: 'sha256' },
      signature: { header: 'x-hubspot-signature', encoding: 'hex' },
      content: '{secret}{body}',
    },
    identity: 'body',
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      timeoutSeconds: 5,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'HubSpot (v1)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "HubSpot's page about retries was read in public copies. Replacing the client secret was not found in the documentation.",
      sources: [
        'https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests',
        'github.com/HubSpot/hubspot-api-nodejs src/signature',
        'https://developers.hubspot.com/docs/api-reference/legacy/webhooks/guide',
      ],
      assumptions: [],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'The body contains the number of the attempt (attemptNumber). So after a failure, an event may run again although it was handled. Compare eventId in the handler.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * HubSpot, v1: `X-HubSpot-Signature: <hex>`, SHA-256 of the client secret and the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 * - The signature is a plain hash without a timestamp: if HubSpot sends v3, use hubspot().
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: hubspotV1(), secrets: envSecrets('HUBSPOT_CLIENT_SECRET') })
 * ```
 */
export function hubspotV1(): DefinedScheme {
  return scheme();
}
