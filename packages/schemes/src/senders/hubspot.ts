import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'hubspot',
  secret: { encoding: 'utf8' },
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
    sources: [
      'https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests',
      'github.com/HubSpot/hubspot-api-nodejs src/signature',
    ],
    assumptions: [
      "Times in the future are refused after 300 s as well: HubSpot's library takes any.",
      'A retry is signed anew with a new time: it could not pass 300 s otherwise.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'A retry says its number in the body (attemptNumber): an event that failed once may run again though it was handled. Compare eventId in the handler.',
      'One run per identical method, URL and body while the delivery is remembered; `deliveryKey` overrides it.',
      'Apps that still get v1 or v2 signatures: hubspotV1(), hubspotV2().',
    ],
  },
});

/**
 * HubSpot, v3: `X-HubSpot-Signature-v3: <base64>` over `{method}{url}{body}{X-HubSpot-Request-Timestamp}`.
 *
 * - Identity: everything that is signed but the time: method, URL and body.
 * - Delivery: any answer but 2xx is tried again for 1 day; a bad signature is answered with 401.
 * - Needs `publicUrl`: the address that HubSpot was given.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: hubspot(), secrets: envSecrets('HUBSPOT_CLIENT_SECRET') })
 * ```
 */
export function hubspot(): DefinedScheme {
  return scheme;
}
