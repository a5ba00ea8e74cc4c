import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'linkedin',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-li-signature', encoding: 'hex' },
      content: 'hmacsha256={body}',
    },
    identity: 'body',

    // This request is not signed, and the response signs a text from it: the text must not contain "=", so it is never what a
    // delivery's signature covers.
    handshake: {
      signed: false,
      when: { method: 'GET', query: { challengeCode: true } },
      challenge: { query: 'challengeCode', characters: 'word', maxLength: 64 },
      mac: { hmac: 'sha256', encoding: 'hex' },
      response: { json: { challengeCode: '{challenge}', challengeResponse: '{mac}' } },
    },
    eventType: { bodyField: 'type' },
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'LinkedIn',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      sources: ['https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation'],
      assumptions: [
        'The header contains lower-case hex without a prefix: the documentation mentions hex only for the response to the challenge.',
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced client secret.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered. Notifications contain an id, in a field that depends on the product: use it with `deliveryKey`.',
        'The response to the challenge is signed with the current key. If an application has children, whose challenges name an applicationId, create a verifier for each.',
      ],
    },
  }),
);

/**
 * LinkedIn: `X-LI-Signature: <hex>` over `hmacsha256=` and the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Secret: the client secret of the application.
 * - Every adapter responds to the check of the URL, a GET with `challengeCode` every two hours: route GET to it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: linkedIn(), secrets: envSecrets('LINKEDIN_CLIENT_SECRET') })
 * ```
 */
export function linkedIn(): DefinedScheme {
  return scheme();
}
