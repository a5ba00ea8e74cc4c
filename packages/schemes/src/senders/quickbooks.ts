import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'quickbooks',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'intuit-signature', encoding: 'base64' },
    content: '{body}',
  },
  identity: 'body',
  delivery: {
    retries: 'any-failure',
    timeoutSeconds: 3,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
    acknowledgement: { contentType: 'text/plain', body: 'OK' },
  },
  about: {
    sender: 'QuickBooks Online',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks/managing-webhooks-notifications',
      'https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks/best-practices',
      'github.com/IntuitDeveloper/SampleApp-Webhooks-nodejs util/util.js',
    ],
    assumptions: [
      'When the tries end is not documented: after the first hours they come every 6 hours, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced verifier token, and when, is not documented.',
    notes: [
      'Only 200 within 3 seconds counts as received: where the handler answers by itself, it must not say 204.',
      'Later events may wait until the first one is received: a wrong secret holds up all that follow.',
      'Intuit sets no limit to a body: raise `maxBodyBytes` of the adapter where 1 MiB is too little, or such a body holds up the others, too.',
      'A body holds several events: compare them in the handler.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * QuickBooks Online (Intuit): `intuit-signature: <base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 200 is tried again; a bad signature is answered with 401.
 * - Secret: the verifier token of the app's webhooks; sandbox and production have one each.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: quickBooks(), secrets: envSecrets('QUICKBOOKS_VERIFIER_TOKEN') })
 * ```
 */
export function quickBooks(): DefinedScheme {
  return scheme;
}
