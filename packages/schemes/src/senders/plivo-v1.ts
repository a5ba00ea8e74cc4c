import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'plivo-v1',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha1' },
      signature: { header: 'x-plivo-signature', encoding: 'base64' },
      parts: { form: { sorted: 'form', pair: '{name}{value}' } },
      content: '{url}{form}',
      safeBecause:
        'Names and values of the form are signed without separators, so an attacker can move text between them. The result counts as the same delivery: with a `replay` store it does not run again. For each request, the verifier checks where the URL ends; if the request adds a query to `publicUrl`, `webhook.bodyAuthenticated` is `false`.',
    },
    identity: 'content',
    delivery: {
      retries: 'unknown',
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      usesResponse: true,
    },
    about: {
      sender: 'Plivo (V1)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The signature was compared, with published signatures. Not found in the documentation of today: V1, its retries, and what happens to a replaced auth token.',
      sources: [
        'https://docs.plivo.com/docs/voice/xml/request/validation',
        'github.com/plivo/plivo-node lib/utils/security.js',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Plivo acts on the response (XML), and a call may send the same request twice. So each request runs, and nothing is remembered by default: pass a `replay` store for status callbacks.',
        'V1 is the oldest signature, and Plivo documents V3 for voice, plivo(), and V2 for messages, plivoV2().',
      ],
    },
  }),
);

/**
 * Plivo, V1: `X-Plivo-Signature: <base64>`, HMAC-SHA1 of the URL and the sorted form.
 *
 * - Every request runs, because the sender uses the response; nothing is remembered unless you pass a `replay` store.
 * - Identity: everything that is signed except the timestamp.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Needs `publicUrl`: the URL that you gave Plivo.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: plivoV1(), secrets: envSecrets('PLIVO_AUTH_TOKEN') })
 * ```
 */
export function plivoV1(): DefinedScheme {
  return scheme();
}
