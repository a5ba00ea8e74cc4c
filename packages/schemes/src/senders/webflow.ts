import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { timedHmac } from './hmac-rules.ts';
import { ONE_RUN_PER_BODY, ONLY_200, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'webflow',
    secret: { encoding: 'utf8' },
    signed: timedHmac(
      'x-webflow-signature',
      { header: 'x-webflow-timestamp', unit: 'ms' },
      '{timestamp}:{body}',
    ),
    identity: 'body',
    eventType: { bodyField: 'triggerType' },
    tolerance: { past: 300, future: 300 },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 1800,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Webflow',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      sources: [
        'https://developers.webflow.com/data/docs/working-with-webhooks',
        'https://developers.webflow.com/data/reference/error-handling',
        'github.com/webflow/js-webflow-api src/wrapper/WebhooksClient.ts',
      ],
      assumptions: [
        'A retry has a new time, or comes within the tolerance: three retries follow at intervals of 10 minutes, and the sender does not document their time.',
      ],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'Only webhooks that an OAuth app or the API made are signed: those of the dashboard are not.',
        'The secret is the client secret of the OAuth app, or the secretKey of a webhook that a site token made.',
        'Webflow counts every status but 200 as a failure: respond with 200.',
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

/**
 * Webflow: `x-webflow-signature: <hex>` over `{x-webflow-timestamp}:{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 200, three times within 30 minutes; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: webflow(), secrets: envSecrets('WEBFLOW_WEBHOOK_SECRET') })
 * ```
 */
export function webflow(): DefinedScheme {
  return scheme();
}
