import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'gocardless',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'webhook-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: {
    retries: 'any-failure',
    timeoutSeconds: 10,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'GoCardless',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks',
      'https://support.gocardless.com/hc/en-nz/articles/360000989989-Webhook-retries-failures',
      'github.com/gocardless/gocardless-nodejs src/webhooks.ts',
    ],
    assumptions: ['For how long the up to eight tries go on is not documented: 24 hours are assumed.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'GoCardless asks for 498 where a signature is wrong; it takes any answer but 2xx for a failure, and tries again.',
      'A body holds several events with ids: compare them in the handler.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * GoCardless: `Webhook-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: goCardless(), secrets: envSecrets('GOCARDLESS_SECRET') })
 * ```
 */
export function goCardless(): DefinedScheme {
  return scheme;
}
