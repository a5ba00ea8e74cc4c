import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'gocardless',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        live_: 'an access token of GoCardless. Paste the secret of the webhook endpoint',
        sandbox_: 'an access token of GoCardless. Paste the secret of the webhook endpoint',
      },
    },
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
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'For how long GoCardless retries, and replacing the secret, were not found in the documentation.',
      sources: [
        'https://developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks',
        'https://support.gocardless.com/hc/en-nz/articles/360000989989-Webhook-retries-failures',
        'github.com/gocardless/gocardless-nodejs src/webhooks.ts',
      ],
      assumptions: [
        'The sender does not document for how long its up to eight attempts go on: 24 hours are assumed.',
      ],
      secretFrom: 'In the dashboard under Developers, Webhooks: the secret of the endpoint.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'GoCardless asks for 498 if a signature is wrong. It treats any response other than 2xx as a failure, and retries.',
        'A body contains several events with ids: compare them in the handler.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'GoCardless follows no redirects: it counts them as failures. The waits between its retries grow: 1, 2, 10 minutes and so on.',
      ],
    },
  }),
);

/**
 * GoCardless: `Webhook-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: goCardless(), secrets: envSecrets('GOCARDLESS_SECRET') })
 * ```
 */
export function goCardless(): DefinedScheme {
  return scheme();
}
