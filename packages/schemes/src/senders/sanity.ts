import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'sanity',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'sanity-webhook-signature',
        list: { separator: ',', assign: '=', label: 'v1' },
        encoding: 'base64url',
      },
      timestamp: { entry: 't', unit: 'ms' },
      content: '{timestamp}.{body}',
    },
    identity: 'body',
    tolerance: { past: 300, future: 300 },
    unsignedHeaders: { idempotencyKey: 'idempotency-key' },
    delivery: {
      retries: [429, '5xx'],
      retrySpanSeconds: 60,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Sanity',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'Retries were read, too. Not found: timeout, and what happens to a replaced secret.',
      sources: [
        'https://www.sanity.io/docs/content-lake/webhook-best-practices',
        'https://www.sanity.io/docs/changelog/50ec6abf-fe0c-475b-ae72-314148860132',
        'github.com/sanity-io/webhook-toolkit src/signature.ts',
      ],
      assumptions: [
        'Sanity documents no tolerance, and its library accepts any time. Retries end after a minute, so 300 s each way are accepted: set `toleranceSeconds` if your queue holds deliveries for longer.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Sanity retries only twice, 30 s apart: if the receiver is down for longer, the delivery is lost.',
        'The idempotency-key is the same in every retry and is not signed: it is a label.',
        'Deliveries with identical bodies run once while the first is remembered.',
      ],
    },
  }),
);

/**
 * Sanity: `sanity-webhook-signature: t=<milliseconds>,v1=<base64url>` over `{t}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries only after 429 and 5xx, for 1 minute; a bad signature gets 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: sanity(), secrets: envSecrets('SANITY_SECRET') })
 * ```
 */
export function sanity(): DefinedScheme<'idempotencyKey'> {
  return scheme();
}
