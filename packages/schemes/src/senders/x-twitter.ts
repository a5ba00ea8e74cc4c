import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONLY_200 } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'x-twitter',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-twitter-webhooks-signature', prefix: 'sha256=', encoding: 'base64' },
      content: '{body}',
    },
    identity: 'body',

    // This request is not signed, and the response signs a text from it: the text must not be a possible body.
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
      // For the enterprise tier, only 200 is a success.
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'X',
      confidence: 'sender-docs',
      testedWith: 'published-vectors',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'Retries of the enterprise tier were read, too. Not found: the rules for the other tiers, and what happens to a replaced secret.',
      sources: [
        'https://docs.x.com/x-api/webhooks/introduction',
        'https://developer.x.com/en/docs/x-api/enterprise/account-activity-api/guides/activity-retries',
        'github.com/xdevplatform/docs x-api/webhooks/introduction.mdx',
      ],
      assumptions: [
        'The enterprise tier retries up to three times within five minutes, after any response other than 200. For the other tiers nothing is documented. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'X counts every status but 200 as a failure, at least in the enterprise tier: respond with 200.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * X (Twitter): `x-twitter-webhooks-signature: sha256=<base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the documentation mentions retries only for the enterprise tier, for 5 minutes; a bad signature gets 503.
 * - Every adapter responds to the challenge-response check (`crc_token`), a GET every hour: route GET to it.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: xTwitter(), secrets: envSecrets('X_CONSUMER_SECRET') })
 * ```
 */
export function xTwitter(): DefinedScheme {
  return scheme();
}
