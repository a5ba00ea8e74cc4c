import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import { ONE_RUN_PER_BODY, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'clickup',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('x-signature'),
    identity: 'body',
    eventType: { bodyField: 'event' },
    delivery: {
      retries: 'any-failure',
      suspendsOn4xx: true,
      timeoutSeconds: 7,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'ClickUp',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'The waits between the tries, and replacing the secret, were not found in the documentation.',
      sources: [
        'https://developer.clickup.com/docs/webhooksignature',
        'github.com/webhook-co/webhook packages/webhooks-spec/src/adapters/config.ts',
        'https://developer.clickup.com/docs/webhookhealth',
      ],
      assumptions: ['The sender does not document for how long it retries: 24 hours are assumed.'],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        ONE_RUN_PER_BODY,
        'ClickUp suspends a webhook at once if it gets 401 or 410. It also suspends a webhook after 100 events that failed. Never respond with 401 yourself.',
      ],
    },
  }),
);

/**
 * ClickUp: `X-Signature: <hex>` over the body, under the secret of the webhook.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender tries five times after a failure; a bad signature gets 503, because 401 would suspend the webhook.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: clickUp(), secrets: envSecrets('CLICKUP_WEBHOOK_SECRET') })
 * ```
 */
export function clickUp(): DefinedScheme {
  return scheme();
}
