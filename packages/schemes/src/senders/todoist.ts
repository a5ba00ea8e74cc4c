import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import { ONE_RUN_PER_BODY, ONLY_200, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'todoist',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('x-todoist-hmac-sha256', { encoding: 'base64' }),
    identity: 'body',
    eventType: { bodyField: 'event_name' },
    unsignedHeaders: { deliveryId: 'x-todoist-delivery-id' },

    delivery: {
      retries: 'any-failure',
      // Three retries, 15 minutes apart.
      retrySpanSeconds: 2700,
      idStableOverRetries: true,
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Todoist',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "The sender's page was compared through a description that was made from it. Not found: timeout and rotation.",
      sources: [
        'https://developer.todoist.com/api/v1/#tag/Webhooks',
        'github.com/api-evangelist/todoist openapi/todoist-asyncapi.yml',
      ],
      assumptions: [],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'Todoist counts every status but 200 as a failure: respond with 200.',
        'X-Todoist-Delivery-ID is the same in every retry, but not signed: it is a label.',
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

/**
 * Todoist: `X-Todoist-Hmac-SHA256: <base64>` over the body, under the client secret of the app.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200, three times within 45 minutes; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: todoist(), secrets: envSecrets('TODOIST_CLIENT_SECRET') })
 * ```
 */
export function todoist(): DefinedScheme<'deliveryId'> {
  return scheme();
}
