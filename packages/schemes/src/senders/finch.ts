import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONLY_200 } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'finch',
    secret: { encoding: 'base64' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'finch-signature',
        list: { separator: ' ', assign: ',', label: 'v1' },
        encoding: 'base64',
      },
      timestamp: { header: 'finch-timestamp', unit: 's' },
      id: { header: 'finch-event-id' },
      content: '{id}.{timestamp}.{body}',
    },
    identity: 'id',
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'event_type' },
    delivery: {
      retries: 'any-failure',
      // 5 s + 5 min + 30 min + 2 h + 5 h + 10 h + 10 h.
      retrySpanSeconds: 99_305,
      idStableOverRetries: true,
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Finch',
      confidence: 'sender-docs',
      testedWith: 'sender-library',
      library: '@tryfinch/finch-api',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "Today's page about retries could not be read. Older copies of Finch's documentation were read. Replacing the secret was not found.",
      sources: [
        'https://developer.tryfinch.com/how-finch-works/webhooks',
        'github.com/Finch-API/finch-api-node src/resources/webhooks.ts',
      ],
      assumptions: [
        'The id is the same in every retry, because Finch calls it the id of the event.',
        'Every response other than 2xx is assumed to be a failure: Finch asks for 200.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
    },
  }),
);

/**
 * Finch: `Finch-Signature: v1,<base64> …` over `{Finch-Event-Id}.{Finch-Timestamp}.{body}`.
 *
 * - Identity: the `Finch-Event-Id`.
 * - Delivery: the sender retries seven times after a failure, for 28 hours; a bad signature gets 401.
 * - Secret: base64, without a prefix.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: finch(), secrets: envSecrets('FINCH_SECRET') })
 * ```
 */
export function finch(): DefinedScheme {
  return scheme();
}
