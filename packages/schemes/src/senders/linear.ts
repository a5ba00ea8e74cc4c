import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONLY_200 } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'linear',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        lin_api_: 'an API key of Linear. Paste the signing secret of the webhook, which begins with lin_wh_',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'linear-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    bodyTimestamp: { field: 'webhookTimestamp', unit: 'ms', past: 28_800, future: 300 },
    unsignedHeaders: { deliveryId: 'linear-delivery', event: 'linear-event' },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      // 1 minute + 1 hour + 6 hours.
      retrySpanSeconds: 25_260,
      timeoutSeconds: 5,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Linear',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: '@linear/sdk',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "Linear's page was read in texts that quote it. Whether a retry has a new webhookTimestamp, and replacing the secret, were not found.",
      sources: [
        'https://linear.app/developers/webhooks',
        'github.com/linear/linear packages/sdk/src/webhooks/client.ts',
      ],
      assumptions: [
        'A retry may repeat its webhookTimestamp, so a timestamp is accepted for as long as retries go on. Linear recommends a minute, and its library refuses older ones. A replay within the window is a duplicate and does not run. If your retries have new timestamps, set `toleranceSeconds: { past: 60, future: 60 }`.',
      ],
      secretFrom:
        'In the settings of the workspace under API, Webhooks: the signing secret of the webhook (`lin_wh_…`).',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'Linear takes every response other than 200 for a failure, so a verifier acknowledges with 200. Your own responses must have that status, too.',
        'A webhook that keeps failing may be disabled. Switch it on again in the settings of Linear.',
      ],
    },
  }),
);

/**
 * Linear: `linear-signature: <hex>` over the body, which contains the time.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200, for 7 hours; a bad signature gets 401.
 * - The header `linear-timestamp` is not signed and is not read: the body's `webhookTimestamp` is used.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: linear(), secrets: envSecrets('LINEAR_SECRET') })
 * ```
 */
export function linear(): DefinedScheme<'deliveryId' | 'event'> {
  return scheme();
}
