import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import { ONE_RUN_PER_BODY, ONLY_200, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'flutterwave',
    secret: { encoding: 'utf8' },
    signed: [bodyHmac('flutterwave-signature', { encoding: 'base64' })],
    identity: 'body',
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      // Three retries, 30 minutes apart.
      retrySpanSeconds: 5400,
      timeoutSeconds: 60,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Flutterwave',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "Flutterwave's rules about retries were read in public copies of its page. Replacing the secret hash was not found in the documentation.",
      sources: ['https://developer.flutterwave.com/docs/webhooks'],
      assumptions: [],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'The API of version 3 sends the secret hash itself instead: flutterwaveV3().',
        ONE_RUN_PER_BODY,
        'Flutterwave retries only if webhook retries are switched on in the dashboard, and takes every response other than 200 for a failure.',
      ],
    },
  }),
);

/**
 * Flutterwave: `flutterwave-signature: <base64>` over the body, under the secret hash.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries three times after any response other than 200, within 90 minutes; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: flutterwave(), secrets: envSecrets('FLUTTERWAVE_SECRET_HASH') })
 * ```
 */
export function flutterwave(): DefinedScheme {
  return scheme();
}
