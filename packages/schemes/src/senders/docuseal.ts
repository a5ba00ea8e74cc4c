import { type DefinedScheme, defineScheme } from '@countersign/core';
import {
  ONE_RUN_PER_BODY,
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'docuseal',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-docuseal-signature', list: { separator: '.' }, encoding: 'hex' },
    timestamp: { entry: 0, unit: 's' },
    content: '{timestamp}.{body}',
  },
  identity: 'body',
  eventType: { bodyField: 'event_type' },
  tolerance: { past: 300, future: 300 },
  delivery: UNDOCUMENTED,
  about: {
    sender: 'DocuSeal',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: ['https://www.docuseal.com/docs/api'],
    assumptions: [
      'A retry has a new time, and the tolerance is 300 s each way: the sender documents neither.',
      RETRIES_UNDOCUMENTED,
    ],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [ONE_RUN_PER_BODY],
  },
});

/**
 * DocuSeal: `X-Docuseal-Signature: <s>.<hex>` over `{time}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: docuSeal(), secrets: envSecrets('DOCUSEAL_WEBHOOK_SECRET') })
 * ```
 */
export function docuSeal(): DefinedScheme {
  return scheme;
}
