import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'mux',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'mux-signature',
        list: { separator: ',', assign: '=', label: 'v1' },
        encoding: 'hex',
      },
      timestamp: { entry: 't', unit: 's' },
      content: '{timestamp}.{body}',
    },
    identity: { bodyField: 'id' },
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      timeoutSeconds: 5,
      idStableOverRetries: true,
      retrySignature: 'renewed',
    },
    about: {
      sender: 'Mux',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: '@mux/mux-node',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The page about retries was compared through a copy: 2xx and 24 hours agree. Not found: where Mux documents the 5 s, and what happens to a replaced secret.',
      sources: [
        'https://www.mux.com/docs/core/verify-webhook-signatures',
        'https://www.mux.com/docs/core/listen-for-webhooks',
        'github.com/muxinc/mux-node-sdk src/resources/webhooks.ts',
      ],
      assumptions: [
        'A retry has a new signature with a new timestamp: otherwise it could not pass the 300 s.',
        "Timestamps more than 300 s in the future are refused, too: Mux's library accepts any.",
      ],
      secretFrom: 'In the dashboard under Settings, Webhooks: the signing secret of the webhook.',
      rotation: 'The sender does not document what happens to the replaced secret.',
    },
  }),
);

/**
 * Mux: `mux-signature: t=<seconds>,v1=<hex>` over `{t}.{body}`.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: mux(), secrets: envSecrets('MUX_SECRET') })
 * ```
 */
export function mux(): DefinedScheme {
  return scheme();
}
