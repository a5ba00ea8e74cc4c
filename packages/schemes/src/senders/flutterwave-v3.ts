import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { NOTHING_SIGNED, ONE_RUN_PER_BODY, ONLY_200, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'flutterwave-v3',
    secret: { encoding: 'utf8' },
    signed: { algorithm: { token: 'constant-time' }, signature: { header: 'verif-hash', encoding: 'text' } },
    identity: 'body',
    eventType: { bodyField: 'event' },
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
      sender: 'Flutterwave (version 3)',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "Flutterwave's rules about retries were read in public copies of its page. Replacing the secret hash was not found in the documentation.",
      sources: ['https://developer.flutterwave.com/v3.0/docs/webhooks'],
      assumptions: [],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        NOTHING_SIGNED,
        'Fetch the transaction from Flutterwave before you give value for it.',
        ONE_RUN_PER_BODY,
        'Flutterwave retries only if webhook retries are switched on in the dashboard, and takes every response other than 200 for a failure.',
      ],
    },
  }),
);

/**
 * Flutterwave, API version 3: `verif-hash` is the secret hash itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries three times after any response other than 200, within 90 minutes; a bad token gets 401.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: flutterwaveV3(), secrets: envSecrets('FLUTTERWAVE_SECRET_HASH') })
 * ```
 */
export function flutterwaveV3(): DefinedScheme {
  return scheme();
}
