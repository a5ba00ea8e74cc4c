import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'workos',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        sk_: 'an API key of WorkOS. Paste the signing secret of the webhook endpoint',
        client_: 'the client id of WorkOS. Paste the signing secret of the webhook endpoint',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'workos-signature',
        list: { separator: ',', assign: '=', label: 'v1', blanks: true },
        encoding: 'hex',
      },
      timestamp: { entry: 't', unit: 'ms' },
      content: '{timestamp}.{body}',
    },
    identity: { bodyField: 'id' },
    tolerance: { past: 180, future: 180 },
    eventType: { bodyField: 'event' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 259_200,
      idStableOverRetries: true,
      retrySignature: 'renewed',
    },
    about: {
      sender: 'WorkOS',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: '@workos-inc/node',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The signature was compared, with the library of the sender. Looked for, but not found: the pages of the sender about retries, timeout and rotation.',
      sources: [
        'https://workos.com/docs/events/data-syncing/webhooks',
        'github.com/workos/workos-node src/common/crypto/signature-provider.ts',
      ],
      assumptions: [
        'A retry has a new signature with a new timestamp: otherwise it could not pass the 180 s.',
        "Timestamps more than 180 s in the future are refused, too: WorkOS's library accepts any.",
      ],
      secretFrom: 'In the dashboard under Webhooks: the signing secret of the endpoint.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        "Actions are signed in the same way; WorkOS's library allows them 30 s: set `toleranceSeconds`.",
      ],
    },
  }),
);

/**
 * WorkOS: `WorkOS-Signature: t=<milliseconds>, v1=<hex>` over `{t}.{body}`.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender retries after any response other than 2xx, for 3 days; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: workos(), secrets: envSecrets('WORKOS_SECRET') })
 * ```
 */
export function workos(): DefinedScheme {
  return scheme();
}
