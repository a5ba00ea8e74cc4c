import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'notion',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        ntn_: 'an access token of Notion. Paste the verification token of the webhook subscription, which begins with secret_',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-notion-signature', prefix: 'sha256=', encoding: 'hex' },
      content: '{body}',
    },
    identity: { bodyField: 'id' },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Notion',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: '@notionhq/client',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The signature was compared, with the library of the sender. The pages about webhooks were read in part, and retries, timeout and rotation were not found in them.',
      sources: [
        'https://developers.notion.com/reference/webhooks',
        'https://developers.notion.com/reference/webhooks-events-delivery',
        'github.com/makenotion/notion-sdk-js',
      ],
      assumptions: [
        "The body's id is the same in every retry: the documentation says only that it identifies the event.",
      ],
      secretFrom:
        'Notion posts it to the endpoint as `verification_token` when you create the subscription. Log that one request without verifying it, and enter the token in Notion as well.',
      rotation: 'The sender does not document what happens to the replaced secret.',
    },
  }),
);

/**
 * Notion: `X-Notion-Signature: sha256=<hex>` over the body.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 * - Secret: the `verification_token` of the first request, which Notion sends before there is a secret. Copy it from that request
 *   by hand; Countersign never stores it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: notion(), secrets: envSecrets('NOTION_VERIFICATION_TOKEN') })
 * ```
 */
export function notion(): DefinedScheme {
  return scheme();
}
