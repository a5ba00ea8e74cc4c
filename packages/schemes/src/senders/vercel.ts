import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'vercel',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha1' },
      signature: { header: 'x-vercel-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: { bodyField: 'id' },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Vercel',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Looked for again, but not found: the page of the sender about retries, timeout and rotation.',
      sources: ['https://vercel.com/docs/webhooks/webhooks-api'],
      assumptions: [
        "The body's id is the same in every retry: the documentation says only that it identifies the delivery.",
      ],
      secretFrom: 'Shown once, when the webhook is created. For an integration, its client secret.',
      rotation: 'The sender does not document what happens to the replaced secret.',
    },
  }),
);

/**
 * Vercel: `x-vercel-signature: <hex>`, HMAC-SHA1 of the body.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender retries after any response other than 2xx, for 1 day; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: vercel(), secrets: envSecrets('VERCEL_SECRET') })
 * ```
 */
export function vercel(): DefinedScheme {
  return scheme();
}
