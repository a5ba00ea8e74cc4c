import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONE_RUN_PER_BODY, ONLY_200, RETRIES_UNDOCUMENTED, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'pandadoc',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { query: 'signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    delivery: {
      retries: 'unknown',
      timeoutSeconds: 20,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'PandaDoc',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The page about debugging was read: 200 within 20 s. Looked for, but not found: retries and rotation. The signature comes from public code that receives these webhooks.',
      sources: [
        'https://developers.pandadoc.com/docs/webhook-verification',
        'https://developers.pandadoc.com/docs/webhook-debugging',
      ],
      assumptions: [RETRIES_UNDOCUMENTED],
      rotation: ROTATION_UNDOCUMENTED,
      notes: ['A body contains a list of events.', ONE_RUN_PER_BODY],
    },
  }),
);

/**
 * PandaDoc: the query parameter `signature`, in hex, over the body, under the shared key.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: pandaDoc(), secrets: envSecrets('PANDADOC_SHARED_KEY') })
 * ```
 */
export function pandaDoc(): DefinedScheme {
  return scheme();
}
