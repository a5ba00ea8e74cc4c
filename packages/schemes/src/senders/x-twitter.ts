import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'x-twitter',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-twitter-webhooks-signature', prefix: 'sha256=', encoding: 'base64' },
    content: '{body}',
  },
  identity: 'body',

  // Nothing signs this request, and its answer signs what it asks for: nothing that could be a body is taken.
  handshake: {
    signed: false,
    when: { method: 'GET', query: { crc_token: true } },
    challenge: { query: 'crc_token', characters: 'base64', maxLength: 128 },
    mac: { hmac: 'sha256', encoding: 'base64' },
    response: { json: { response_token: 'sha256={mac}' } },
  },
  delivery: {
    retries: 'unknown',
    timeoutSeconds: 3,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'X',
    confidence: 'sender-docs',
    testedWith: 'published-vectors',
    sources: [
      'https://docs.x.com/x-api/webhooks/introduction',
      'https://developer.x.com/en/docs/x-api/enterprise/account-activity-api/guides/activity-retries',
    ],
    assumptions: [
      'The enterprise tier tries again up to three times within five minutes, after any answer but 200. For the others nothing is documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['One run per identical body while it is remembered; `deliveryKey` overrides it.'],
  },
});

/**
 * X (Twitter): `x-twitter-webhooks-signature: sha256=<base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: only the enterprise tier is documented to try again, for 5 minutes; a bad signature is answered with 503.
 * - The challenge-response check (`crc_token`), a GET that comes every hour, is answered by every adapter: route GET to it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: xTwitter(), secrets: envSecrets('X_CONSUMER_SECRET') })
 * ```
 */
export function xTwitter(): DefinedScheme {
  return scheme;
}
