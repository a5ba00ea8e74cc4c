import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
      retryRules: 'unknown',
      sources: ['https://auth0.com/docs/customize/log-streams/custom-log-streams'],
      assumptions: [
        'The sender documents up to three retries, but not after which statuses or when. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced token.',
      notes: [
        'Nothing is signed. The token works like a password: an attacker who sees one request can send any other.',
        'In Auth0 the token is optional. Without one, Countersign refuses every delivery.',
        "A body contains one or several events (an object, an array or lines, depending on the stream's content format): compare them in the handler.",
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Auth0 log streams to a custom webhook: the `Authorization` header is the stream's authorization token itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad token gets 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 * - Secret: the whole header value as in the stream's settings, including `Bearer ` if it is there.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: auth0Logs(), secrets: envSecrets('AUTH0_LOG_STREAM_TOKEN') })
 * ```
 */
export function auth0Logs(): DefinedScheme {
  return scheme();
}
