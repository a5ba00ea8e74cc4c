import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
      retryRules: 'documented',
      sources: ['https://developers.asana.com/docs/webhooks-guide'],
      assumptions: [],
      secretFrom:
        'Asana sends it in the header `X-Hook-Secret` of the first request. Return that header, and store it.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'A webhook whose deliveries fail for 24 hours is deleted; 410 deletes it at once, so Countersign never responds with 410.',
        'A heartbeat is a signed body without events, which is always the same: a duplicate of it gets 200.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Asana: `X-Hook-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 * - Secret: the value of `X-Hook-Secret` in the request that creates the webhook. That request is not signed: respond to it with
 *   your own route while you create the webhook, and only then.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: asana(), secrets: envSecrets('ASANA_HOOK_SECRET') })
 * ```
 */
export function asana(): DefinedScheme {
  return scheme();
}
