import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'linkedin',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-li-signature', encoding: 'hex' },
    content: 'hmacsha256={body}',
  },
  identity: 'body',

  // Nothing signs this request, and its answer signs what it asks for: without "=" it is never what a delivery's signature covers.
  handshake: {
    signed: false,
    when: { method: 'GET', query: { challengeCode: true } },
    challenge: { query: 'challengeCode', characters: 'word', maxLength: 64 },
    mac: { hmac: 'sha256', encoding: 'hex' },
    response: { json: { challengeCode: '{challenge}', challengeResponse: '{mac}' } },
  },
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'LinkedIn',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation'],
    assumptions: [
      'The header holds hex in lower case and nothing before it: the documentation says hex of the answer to the challenge only.',
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced client secret, and when, is not documented.',
    notes: [
      'One run per identical body while it is remembered. Notifications carry an id, whose place is up to the product: `deliveryKey` can name it.',
      'The challenge is answered under the current key. An application with children, whose challenge names an applicationId, needs a verifier for each.',
    ],
  },
});

/**
 * LinkedIn: `X-LI-Signature: <hex>` over `hmacsha256=` and the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 * - Secret: the client secret of the application.
 * - The check of an address, a GET with `challengeCode` that comes every two hours, is answered by every adapter: route GET to it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: linkedIn(), secrets: envSecrets('LINKEDIN_CLIENT_SECRET') })
 * ```
 */
export function linkedIn(): DefinedScheme {
  return scheme;
}
