import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Retries and timeout were read, too. Not found: when retries end, and what happens to a replaced verifier token.',
      sources: [
        'https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks/managing-webhooks-notifications',
        'https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks/best-practices',
        'https://blogs.intuit.com/2025/10/14/introducing-enhanced-webhooks-monitoring',
        'github.com/IntuitDeveloper/SampleApp-Webhooks-nodejs util/util.js',
      ],
      assumptions: [
        'The sender does not document when its retries end: after the first hours they come every 6 hours, and 24 hours are assumed.',
      ],
      rotation: 'The sender does not document what happens to the replaced verifier token.',
      notes: [
        'The sender accepts only 200, within 3 seconds. If your handler sends the response itself, it must not send 204.',
        'Later events may wait until the first one succeeds, so a wrong secret delays all later events.',
        "Intuit sets no limit for a body. If 1 MiB is too little, raise the adapter's `maxBodyBytes`: otherwise a larger body also delays all later events.",
        'A body contains several events: compare them in the handler.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * QuickBooks Online (Intuit): `intuit-signature: <base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200; a bad signature gets 401.
 * - Secret: the verifier token of the app's webhooks; sandbox and production have one each.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: quickBooks(), secrets: envSecrets('QUICKBOOKS_VERIFIER_TOKEN') })
 * ```
 */
export function quickBooks(): DefinedScheme {
  return scheme();
}
