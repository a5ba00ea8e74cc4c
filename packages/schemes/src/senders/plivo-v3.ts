import { type DefinedScheme, defineScheme } from '@countersign/core';
import { RETRIES_UNDOCUMENTED, ROTATION_UNDOCUMENTED, UNDOCUMENTED } from './shared-facts.ts';

const scheme = defineScheme({
  name: 'plivo-v3',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-plivo-signature-v3', list: { separator: ',', blanks: true }, encoding: 'base64' },
    parts: { form: { sorted: 'form', pair: '{name}{value}' } },
    content: '{baseUrl}?{form}.{header:x-plivo-signature-v3-nonce}',
    safeBecause:
      'Names and values of the form are signed without separators, so an attacker can move text between them. The result counts as the same delivery and does not run again.',
  },
  identity: 'content',
  delivery: UNDOCUMENTED,
  about: {
    sender: 'Plivo (V3)',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    sources: [
      'https://www.plivo.com/docs/voice/concepts/signature-validation',
      'github.com/plivo/plivo-node lib/utils/v3Security.js',
    ],
    assumptions: [
      'A retry is assumed to repeat its nonce; the sender does not document it. If a retry has a new nonce, it runs again.',
      RETRIES_UNDOCUMENTED,
    ],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [
      'Give Plivo a URL without a query, and POST as the method: with a query, or with GET, V3 signs other content, which is not read.',
      'A query that someone adds to a request is not signed.',
      'X-Plivo-Signature-Ma-V3, under the token of the main account, is not read.',
    ],
  },
});

/**
 * Plivo, V3: `X-Plivo-Signature-V3: <base64>`, HMAC-SHA256 of the URL, the sorted form and `X-Plivo-Signature-V3-Nonce`.
 *
 * - Identity: everything that is signed.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Needs `publicUrl`: the URL that you gave Plivo, without a query.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: plivoV3(), publicUrl, secrets: envSecrets('PLIVO_AUTH_TOKEN') })
 * ```
 */
export function plivoV3(): DefinedScheme {
  return scheme;
}
