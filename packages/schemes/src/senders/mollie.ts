import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'mollie',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'x-mollie-signature',
        repeated: true,
        // A proxy may join the header values with a comma and a space.
        list: { separator: ',', assign: '=', label: 'sha256', blanks: true },
        encoding: 'hex',
      },
      content: '{body}',
    },
    identity: { bodyField: 'id' },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 93_600,
      timeoutSeconds: 15,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Mollie',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The pages about the new webhooks were read in part: 15 s, and HMAC-SHA256 of the body. Not found: the schema of the retries.',
      sources: [
        'https://docs.mollie.com/reference/webhooks-new',
        'https://docs.mollie.com/reference/webhooks-best-practices',
        'github.com/mollie/mollie-api-node',
      ],
      assumptions: [
        "The body's id is the same in every retry, because it is the id of the event.",
        'Retries are assumed to go on for 26 hours, as for the classic webhooks.',
      ],
      rotation: 'Every active secret signs, with one header value each.',
      notes: [
        'The classic payment webhooks, forms with only an id, are not signed: fetch the payment that the form names.',
      ],
    },
  }),
);

/**
 * Mollie, next-generation webhooks: `X-Mollie-Signature: sha256=<hex>`, several times if several secrets are active, over the
 * body.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender retries after any response other than 2xx, for 26 hours; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: mollie(), secrets: envSecrets('MOLLIE_SECRET') })
 * ```
 */
export function mollie(): DefinedScheme {
  return scheme();
}
