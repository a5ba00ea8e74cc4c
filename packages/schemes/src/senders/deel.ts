import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'deel',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-deel-signature', encoding: 'hex' },
      content: 'POST{body}',
    },
    identity: 'body',
    unsignedHeaders: { keyLabel: 'x-deel-hmac-label', version: 'x-deel-webhook-version' },
    eventType: { bodyField: 'data.meta.event_type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 120_060,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Deel',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      sources: ['https://developer.deel.com/docs/webhooks-get-started'],
      assumptions: [
        'A retry has the same body: the documentation says that its timestamp is the time at which the webhook was created.',
        'The hex is in lower case, as the documented functions write it.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        "The documentation calls the body's data.meta.event_type_id the id of one event, but its name suggests an id of a type: Countersign does not use it.",
        'Ten failed attempts disable the webhook.',
      ],
    },
  }),
);

/**
 * Deel: `x-deel-signature: <hex>` over the word `POST` and the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 33 hours; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: deel(), secrets: envSecrets('DEEL_SIGNING_KEY') })
 * ```
 */
export function deel(): DefinedScheme<'keyLabel' | 'version'> {
  return scheme();
}
