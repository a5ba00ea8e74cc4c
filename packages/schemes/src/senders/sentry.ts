import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'sentry',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        sntrys_: 'an auth token of Sentry. Paste the client secret of the integration',
        sntryu_: 'an auth token of Sentry. Paste the client secret of the integration',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'sentry-hook-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    unsignedHeaders: {
      resource: 'sentry-hook-resource',
      timestamp: 'sentry-hook-timestamp',
      requestId: 'request-id',
    },
    eventType: { header: 'sentry-hook-resource' },
    delivery: {
      retries: ['5xx'],
      // Three retries, 5 minutes apart.
      retrySpanSeconds: 900,
      timeoutSeconds: 1,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Sentry',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound:
        'The code that sends was read again: the status decides, and errors of unpublished integrations are swallowed. Not read again: the code that retries. The timeout is an option of the server.',
      sources: [
        'https://docs.sentry.io/organization/integrations/integration-platform/webhooks/',
        'github.com/getsentry/sentry src/sentry/utils/sentry_apps/webhooks.py',
        'github.com/getsentry/sentry src/sentry/sentry_apps/tasks/sentry_apps.py',
      ],
      assumptions: [],
      secretFrom: 'In the settings of the integration: the client secret.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Sentry retries only for published integrations: for an internal one, every refusal is final.',
        'Requests of UI components (Sentry-App-Signature) are not webhooks: this scheme is not for them.',
        'Sentry waits only one second: acknowledge first, work later.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Sentry integrations: `Sentry-Hook-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries only after 5xx, for 15 minutes, and only for published integrations; a bad signature gets 503.
 * - `Sentry-Hook-Timestamp` is not signed: it is a label.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: sentry(), secrets: envSecrets('SENTRY_CLIENT_SECRET') })
 * ```
 */
export function sentry(): DefinedScheme<'resource' | 'timestamp' | 'requestId'> {
  return scheme();
}
