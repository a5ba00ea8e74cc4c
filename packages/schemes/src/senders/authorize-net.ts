import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED_BUT_200,
} from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'authorize-net',
    secret: { encoding: 'hex' },
    signed: bodyHmac('x-anet-signature', { hash: 'sha512', encoding: 'hex-upper', prefix: 'sha512=' }),
    identity: { bodyField: 'notificationId' },
    eventType: { bodyField: 'eventType' },
    delivery: UNDOCUMENTED_BUT_200,
    about: {
      sender: 'Authorize.Net',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound: ONLY_PUBLIC_CODE,
      sources: [
        'https://developer.authorize.net/api/reference/features/webhooks.html',
        'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/config.ts',
      ],
      assumptions: [
        "The body's notificationId is the same in every try: the sender documents only that it identifies the notification.",
        RETRIES_UNDOCUMENTED,
      ],
      rotation: ROTATION_UNDOCUMENTED,
    },
  }),
);

/**
 * Authorize.Net: `X-ANET-Signature: sha512=<HEX>`, HMAC-SHA512 of the body, under the signature key decoded from hex.
 *
 * - Identity: the body's `notificationId`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: authorizeNet(), secrets: envSecrets('AUTHORIZE_NET_SIGNATURE_KEY') })
 * ```
 */
export function authorizeNet(): DefinedScheme {
  return scheme();
}
