import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'hubspot-v2',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hash: 'sha256' },
    signature: { header: 'x-hubspot-signature', encoding: 'hex' },
    content: '{secret}{method}{url}{body}',
  },
  identity: 'content',
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 86_400,
    timeoutSeconds: 5,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'HubSpot (v2)',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests',
      'github.com/HubSpot/hubspot-api-nodejs src/signature',
    ],
    assumptions: [],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'A retry says its number in the body (attemptNumber): an event that failed once may run again though it was handled. Compare eventId in the handler.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * HubSpot, v2: `X-HubSpot-Signature: <hex>`, SHA-256 of client secret, method, address and body.
 *
 * - Identity: everything that is signed but the time: method, URL and body.
 * - Delivery: any answer but 2xx is tried again for 1 day; a bad signature is answered with 401.
 * - A plain hash, and no time is signed: where HubSpot sends v3, use hubspot(). Needs `publicUrl`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: hubspotV2(), secrets: envSecrets('HUBSPOT_CLIENT_SECRET') })
 * ```
 */
export function hubspotV2(): DefinedScheme {
  return scheme;
}
