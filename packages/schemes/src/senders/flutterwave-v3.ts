import { type DefinedScheme, defineScheme } from '@countersign/core';
import {
  NOTHING_SIGNED,
  ONE_RUN_PER_BODY,
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED_BUT_200,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'flutterwave-v3',
  secret: { encoding: 'utf8' },
  signed: { algorithm: { token: 'constant-time' }, signature: { header: 'verif-hash', encoding: 'text' } },
  identity: 'body',
  eventType: { bodyField: 'event' },
  delivery: UNDOCUMENTED_BUT_200,
  about: {
    sender: 'Flutterwave (version 3)',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: ['https://developer.flutterwave.com/v3.0/docs/webhooks'],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [
      NOTHING_SIGNED,
      'Fetch the transaction from Flutterwave before you give value for it.',
      ONE_RUN_PER_BODY,
    ],
  },
});

/**
 * Flutterwave, API version 3: `verif-hash` is the secret hash itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad token gets 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: flutterwaveV3(), secrets: envSecrets('FLUTTERWAVE_SECRET_HASH') })
 * ```
 */
export function flutterwaveV3(): DefinedScheme {
  return scheme;
}
