import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'easypost',
    secret: { encoding: 'utf8', normalize: 'NFKD' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-hmac-signature', prefix: 'hmac-sha256-hex=', encoding: 'hex' },
      content: '{body}',
    },
    identity: { bodyField: 'id' },
    eventType: { bodyField: 'description' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      timeoutSeconds: 7,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'EasyPost',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: '@easypost/api',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'Replacing the secret was not found in the documentation.',
      sources: [
        'https://docs.easypost.com/guides/webhooks-guide',
        'https://www.easypost.com/if-the-customers-webhook-url-goes-down-how-does-easypost-respond',
        'github.com/EasyPost/easypost-node src/utils/util.js',
        'https://support.easypost.com/hc/en-us/articles/360042414372-Webhooks-Frequently-Asked-Questions',
      ],
      assumptions: ["The body's id is the same in every retry, because it is the id of the event."],
      secretFrom: 'You choose it: the webhook secret that you pass when the webhook is created.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Parsing and serializing a body changes its numbers (614.0): only the bytes as received match the signature.',
        'A failed event cannot be sent again by hand.',
      ],
    },
  }),
);

/**
 * EasyPost: `X-Hmac-Signature: hmac-sha256-hex=<hex>` over the body.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 * - Secret: its text in Unicode form NFKD.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: easyPost(), secrets: envSecrets('EASYPOST_WEBHOOK_SECRET') })
 * ```
 */
export function easyPost(): DefinedScheme {
  return scheme();
}
