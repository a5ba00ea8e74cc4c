import { type DefinedScheme, defineScheme } from '@countersign/core';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED_BUT_200,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'flutterwave',
  secret: { encoding: 'utf8' },
  signed: [bodyHmac('flutterwave-signature', { encoding: 'base64' })],
  identity: 'body',
  eventType: { bodyField: 'type' },
  delivery: UNDOCUMENTED_BUT_200,
  about: {
    sender: 'Flutterwave',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: ['https://developer.flutterwave.com/docs/webhooks'],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: ['The API of version 3 sends the secret hash itself instead: flutterwaveV3().', ONE_RUN_PER_BODY],
  },
});

/**
 * Flutterwave: `flutterwave-signature: <base64>` over the body, under the secret hash.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: flutterwave(), secrets: envSecrets('FLUTTERWAVE_SECRET_HASH') })
 * ```
 */
export function flutterwave(): DefinedScheme {
  return scheme;
}
