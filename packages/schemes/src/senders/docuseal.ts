import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONE_RUN_PER_BODY, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'docuseal',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-docuseal-signature', list: { separator: '.' }, encoding: 'hex' },
      timestamp: { entry: 0, unit: 's' },
      content: '{timestamp}.{body}',
    },
    identity: 'body',
    eventType: { bodyField: 'event_type' },
    tolerance: { past: 300, future: 300 },
    delivery: {
      retries: 'any-failure',
      // 1 + 2 + 4 + … + 1024 minutes.
      retrySpanSeconds: 122_820,
      timeoutSeconds: 15,
      idStableOverRetries: 'unknown',
      retrySignature: 'renewed',
    },
    about: {
      sender: 'DocuSeal',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound:
        'The code that writes X-Docuseal-Signature is not public: its form comes from public code that receives it.',
      sources: [
        'https://www.docuseal.com/docs/api',
        'github.com/docusealco/docuseal app/jobs/send_form_completed_webhook_request_job.rb and lib/send_webhook_request.rb',
      ],
      assumptions: [
        'A retry has a new time, and the tolerance is 300 s each way: the sender documents neither.',
      ],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        ONE_RUN_PER_BODY,
        'The body contains the time and the state of the document, and is written anew for each try. So after a failure, an event may run again although it was handled. Compare the id in `data` in the handler.',
        'DocuSeal in the cloud retries only for accounts with a plan.',
      ],
    },
  }),
);

/**
 * DocuSeal: `X-Docuseal-Signature: <s>.<hex>` over `{time}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after 4xx and 5xx, for 34 hours; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: docuSeal(), secrets: envSecrets('DOCUSEAL_WEBHOOK_SECRET') })
 * ```
 */
export function docuSeal(): DefinedScheme {
  return scheme();
}
