import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'typeform',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        tfp_: 'a personal access token. Paste the secret that you entered for the webhook',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'typeform-signature', prefix: 'sha256=', encoding: 'base64' },
      content: '{body}',
    },
    identity: { bodyField: 'event_id' },
    eventType: { bodyField: 'event_type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 36_000,
      timeoutSeconds: 30,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Typeform',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Looked for again, but not found: the page of the sender about retries, timeout and rotation.',
      sources: [
        'https://www.typeform.com/developers/webhooks/secure-your-webhooks/',
        'https://www.typeform.com/developers/webhooks/',
      ],
      assumptions: [
        "The body's event_id is the same in every retry: the documentation says only that it identifies the event.",
      ],
      secretFrom: 'You choose it: the secret in the settings of the webhook.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: ['404 and 410 disable the webhook at once, so Countersign never responds with them.'],
    },
  }),
);

/**
 * Typeform: `Typeform-Signature: sha256=<base64>` over the body.
 *
 * - Identity: the body's `event_id`.
 * - Delivery: the sender retries after any response other than 2xx, for 10 hours; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: typeform(), secrets: envSecrets('TYPEFORM_SECRET') })
 * ```
 */
export function typeform(): DefinedScheme {
  return scheme();
}
