import { type DefinedScheme, defineScheme } from '@countersign/core';
import {
  ONE_RUN_PER_BODY,
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED_BUT_200,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'pandadoc',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { query: 'signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: UNDOCUMENTED_BUT_200,
  about: {
    sender: 'PandaDoc',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: ['https://developers.pandadoc.com/docs/webhook-verification'],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: ['A body contains a list of events.', ONE_RUN_PER_BODY],
  },
});

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
  return scheme;
}
