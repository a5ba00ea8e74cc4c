import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import {
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED_BUT_200,
} from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'nowpayments',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha512' },
      signature: { header: 'x-nowpayments-sig', encoding: 'hex' },
      content: '{canonicalJson}',
    },
    identity: 'content',
    delivery: UNDOCUMENTED_BUT_200,
    about: {
      sender: 'NOWPayments',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound: ONLY_PUBLIC_CODE,
      sources: ['https://documenter.getpostman.com/view/7907941/2s93JusNJt'],
      assumptions: [
        'The sender signs the body with its keys sorted, as JavaScript writes it: that is the canonical form of RFC 8785.',
        RETRIES_UNDOCUMENTED,
      ],
      rotation: ROTATION_UNDOCUMENTED,
    },
  }),
);

/**
 * NOWPayments: `x-nowpayments-sig: <hex>`, HMAC-SHA512 of the body with its keys sorted.
 *
 * - Identity: the canonical form of the body.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: nowPayments(), secrets: envSecrets('NOWPAYMENTS_IPN_SECRET') })
 * ```
 */
export function nowPayments(): DefinedScheme {
  return scheme();
}
