import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'auth0-logs',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { token: 'constant-time' },
    signature: { header: 'authorization', encoding: 'text' },
  },
  identity: 'body',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Auth0 (log streams)',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://auth0.com/docs/customize/log-streams/custom-log-streams'],
    assumptions: [
      'Up to three retries are documented, but not after which answers, nor when: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced token, and when, is not documented.',
    notes: [
      'A token proves who may send, not what was sent: whoever sees one request can make others.',
      'The token is optional at Auth0: without one, every delivery is refused here.',
      "A body holds one event or several (object, array or lines, by the stream's content format): compare them in the handler.",
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Auth0 log streams to a custom webhook: the `Authorization` header is the stream's authorization token itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: what is tried again is not documented; a bad token is answered with 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 * - Secret: the whole text of the header as it stands in the stream's settings, with `Bearer ` if it was written there.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: auth0Logs(), secrets: envSecrets('AUTH0_LOG_STREAM_TOKEN') })
 * ```
 */
export function auth0Logs(): DefinedScheme {
  return scheme;
}
