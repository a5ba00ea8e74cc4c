import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'plivo',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'x-plivo-signature-v3',
        list: { separator: ',', blanks: true },
        encoding: 'base64',
      },
      parts: { form: { sorted: 'form', pair: '{name}{value}' } },
      content: '{baseUrl}?{form}.{header:x-plivo-signature-v3-nonce}',
      safeBecause:
        'Names and values of the form are signed without separators, so an attacker can move text between them. The result counts as the same delivery: with a `replay` store it does not run again.',
    },
    identity: 'content',
    delivery: {
      retries: 'never',
      timeoutSeconds: 40,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      usesResponse: true,
    },
    about: {
      sender: 'Plivo',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Not found: whether a retry repeats its nonce, what happens to a replaced auth token, and a published signature of V3.',
      sources: [
        'https://docs.plivo.com/docs/voice/xml/request/validation',
        'https://docs.plivo.com/docs/voice/concepts/callback-configurations',
        'github.com/plivo/plivo-node lib/utils/v3Security.js',
      ],
      assumptions: [
        'By default, Plivo retries once, and only if it cannot connect or gets no response. It retries after a response only if the URL asks for it (#rp=).',
      ],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'V3 is for voice. Callbacks of messages and of Verify are signed with V2: plivoV2(). V1 is the oldest signature: plivoV1().',
        'Plivo acts on the response (XML). So each request runs, and nothing is remembered by default: pass a `replay` store for status callbacks.',
        'Give Plivo a URL without a query, and POST as the method: with a query, or with GET, V3 signs other content, which is not read.',
        'A query that someone adds to a request is not signed.',
        'X-Plivo-Signature-Ma-V3, under the token of the main account, is not read.',
      ],
    },
  }),
);

/**
 * Plivo (voice, V3): `X-Plivo-Signature-V3: <base64>`, HMAC-SHA256 of the URL, the sorted form and `X-Plivo-Signature-V3-Nonce`.
 *
 * - Every request runs, because the sender uses the response; nothing is remembered unless you pass a `replay` store.
 * - Identity: everything that is signed.
 * - Delivery: by default, the sender never retries after a response; a bad signature gets 401.
 * - Needs `publicUrl`: the URL that you gave Plivo, without a query.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: plivo(), publicUrl, secrets: envSecrets('PLIVO_AUTH_TOKEN') })
 * ```
 */
export function plivo(): DefinedScheme {
  return scheme();
}
