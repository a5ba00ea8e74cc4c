import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'hubspot',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        'pat-': 'an access token of a private app. Paste the client secret of the app',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-hubspot-signature-v3', encoding: 'base64' },
      timestamp: { header: 'x-hubspot-request-timestamp', unit: 'ms' },
      url: { decode: ":/?@!$'()*,;" },
      content: '{method}{url}{body}{timestamp}',
    },
    identity: 'content',
    tolerance: { past: 300, future: 300 },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      timeoutSeconds: 5,
      idStableOverRetries: 'unknown',
      retrySignature: 'renewed',
    },
    about: {
      sender: 'HubSpot',
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
      assumptions: [
        "Timestamps more than 300 s in the future are refused, too: HubSpot's library accepts any.",
        'A retry has a new signature with a new timestamp: otherwise it could not pass the 300 s.',
      ],
      secretFrom: 'On the page of the app, under Auth: the client secret.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'The body contains the number of the attempt (attemptNumber). So after a failure, an event may run again although it was handled. Compare eventId in the handler.',
        'Deliveries with identical method, URL and body run once while the first is remembered; `deliveryKey` overrides that.',
        'For apps that still get v1 or v2 signatures, use hubspotV1() and hubspotV2().',
        'HubSpot retries up to 10 times after a failed connection, after 5 seconds without a response, and after any 4xx or 5xx. Webhooks of workflows are retried only after 429 and 5xx.',
      ],
    },
  }),
);

/**
 * HubSpot, v3: `X-HubSpot-Signature-v3: <base64>` over `{method}{url}{body}{X-HubSpot-Request-Timestamp}`.
 *
 * - Identity: everything that is signed except the timestamp: method, URL and body.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 * - Needs `publicUrl`: the URL that you gave HubSpot.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: hubspot(), secrets: envSecrets('HUBSPOT_CLIENT_SECRET') })
 * ```
 */
export function hubspot(): DefinedScheme {
  return scheme();
}
