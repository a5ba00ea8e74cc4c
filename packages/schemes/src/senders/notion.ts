import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'notion',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-notion-signature', prefix: 'sha256=', encoding: 'hex' },
    content: '{body}',
  },
  identity: { bodyField: 'id' },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 86_400,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Notion',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: ['https://developers.notion.com/reference/webhooks', 'github.com/makenotion/notion-sdk-js'],
    assumptions: ["The body's id is the same in every retry: documented is that it identifies the event."],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
  },
});

/**
 * Notion: `X-Notion-Signature: sha256=<hex>` over the body.
 *
 * - Identity: the body's `id`.
 * - Delivery: any answer but 2xx is tried again for 1 day; a bad signature is answered with 401.
 * - Secret: the `verification_token` of the first request, which Notion sends before there is a secret. Take it from that request by hand; it is never stored by itself.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: notion(), secrets: envSecrets('NOTION_VERIFICATION_TOKEN') })
 * ```
 */
export function notion(): DefinedScheme {
  return scheme;
}
