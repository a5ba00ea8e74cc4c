import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'asana',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-hook-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 86_400,
    timeoutSeconds: 10,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Asana',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://developers.asana.com/docs/webhooks-guide'],
    assumptions: [],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'A webhook whose deliveries fail for 24 hours is deleted; 410 deletes it at once and is never answered.',
      'A heartbeat is a signed body without events, and always the same: a duplicate of it is answered 200.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Asana: `X-Hook-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again for 1 day; a bad signature is answered with 401.
 * - Secret: the value of `X-Hook-Secret` in the request that creates the webhook. Nothing signs that request: answer it with a route of your own while you create the webhook, and only then.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: asana(), secrets: envSecrets('ASANA_HOOK_SECRET') })
 * ```
 */
export function asana(): DefinedScheme {
  return scheme;
}
