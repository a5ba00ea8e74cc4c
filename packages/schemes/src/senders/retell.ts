import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'retell',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'x-retell-signature',
        list: { separator: ',', assign: '=', label: 'd' },
        encoding: 'hex',
      },
      timestamp: { entry: 'v', unit: 'ms' },
      content: '{body}{timestamp}',
    },
    identity: 'body',
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'event' },
    delivery: {
      retries: 'any-failure',
      timeoutSeconds: 10,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Retell AI',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: 'retell-sdk',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The page about the signature was read, too. Not found: the page about retries, and what happens to a replaced key.',
      sources: [
        'https://docs.retellai.com/features/secure-webhook',
        'https://docs.retellai.com/features/webhook',
        'github.com/RetellAI/retell-typescript-sdk src/lib/webhook_auth.ts',
      ],
      assumptions: [
        'The sender does not document for how long its three attempts go on: 24 hours are assumed.',
      ],
      secretFrom: 'In the dashboard under API Keys: the key that has the webhook badge.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: ['Deliveries with identical bodies run once while the first is remembered.'],
    },
  }),
);

/**
 * Retell AI: `x-retell-signature: v=<milliseconds>,d=<hex>` over `{body}{v}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 * - Secret: the API key that has the webhook badge.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: retell(), secrets: envSecrets('RETELL_API_KEY') })
 * ```
 */
export function retell(): DefinedScheme {
  return scheme();
}
