import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'calendly',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'calendly-webhook-signature',
      list: { separator: ',', assign: '=', label: 'v1' },
      encoding: 'hex',
    },
    timestamp: { entry: 't', unit: 's' },
    content: '{timestamp}.{body}',
  },
  identity: 'body',
  tolerance: { past: 180, future: 180 },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 86_400,
    timeoutSeconds: 15,
    idStableOverRetries: 'unknown',
    retrySignature: 'renewed',
  },
  about: {
    sender: 'Calendly',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: [
      'https://developer.calendly.com/api-docs/ZG9jOjM2MzE2MDM4-webhook-signatures',
      'https://developer.calendly.com/api-docs/overview/webhooks/webhook-errors',
      'https://developer.calendly.com/api-docs/overview/webhooks/webhook-timeouts',
    ],
    assumptions: [
      'Times in the future are refused after 180 s as well: documented is only the age.',
      'A retry is signed anew with a new time: it could not pass 180 s otherwise.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'A webhook that still fails after 24 hours is disabled and must be made anew.',
      'One run per identical body while it is remembered.',
    ],
  },
});

/**
 * Calendly: `Calendly-Webhook-Signature: t=<seconds>,v1=<hex>` over `{t}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again for 1 day; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: calendly(), secrets: envSecrets('CALENDLY_SECRET') })
 * ```
 */
export function calendly(): DefinedScheme {
  return scheme;
}
