import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'circleci',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'circleci-signature',
        list: { separator: ',', assign: '=', label: 'v1' },
        encoding: 'hex',
      },
      content: '{body}',
    },
    identity: { bodyField: 'id' },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      timeoutSeconds: 10,
      idStableOverRetries: true,
      retrySignature: 'unknown',
    },
    about: {
      sender: 'CircleCI',
      confidence: 'sender-docs',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'For how long CircleCI retries, and replacing the secret, were not found in the documentation.',
      sources: [
        'https://circleci.com/docs/guides/integration/outbound-webhooks/',
        'github.com/circleci/circleci-docs docs/guides/modules/integration/pages/outbound-webhooks.adoc',
      ],
      assumptions: ['The sender does not document for how long it retries: 24 hours are assumed.'],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: ['Only v1 is read; entries of other versions are ignored.'],
    },
  }),
);

/**
 * CircleCI: `circleci-signature: v1=<hex>` over the body.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: circleCi(), secrets: envSecrets('CIRCLE_CI_SECRET') })
 * ```
 */
export function circleCi(): DefinedScheme {
  return scheme();
}
