import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'sentry',
  secret: { encoding: 'utf8' },
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
  delivery: {
    retries: ['5xx'],
    // Three more, 5 minutes apart.
    retrySpanSeconds: 900,
    timeoutSeconds: 1,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Sentry',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://docs.sentry.io/organization/integrations/integration-platform/webhooks/',
      'github.com/getsentry/sentry src/sentry/utils/sentry_apps/webhooks.py',
      'github.com/getsentry/sentry src/sentry/sentry_apps/tasks/sentry_apps.py',
    ],
    assumptions: [],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Only what published integrations get is tried again: for an internal one every refusal is final.',
      'Requests of UI components (Sentry-App-Signature) want an answer and are no webhooks: they are not read.',
      'Sentry waits one second only: acknowledge first, work later.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Sentry integrations: `Sentry-Hook-Signature: <hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: only 5xx are tried again for 15 minutes, and only for published integrations; a bad signature is answered with 503.
 * - `Sentry-Hook-Timestamp` is not signed: it is a label.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: sentry(), secrets: envSecrets('SENTRY_CLIENT_SECRET') })
 * ```
 */
export function sentry(): DefinedScheme {
  return scheme;
}
