import { type DefinedScheme, defineScheme, type SecretProvider } from '@countersign/core';
import { checkKeys } from '@countersign/core/extend';
import { lazily } from '../lazily.ts';
import type { LimitedFetch } from '../remote/limited-fetch.ts';
import { jwksSecrets } from './jwks-secrets.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'fal',
    secret: { publicKey: 'ed25519', encoding: 'pem' },
    signed: {
      algorithm: { publicKey: 'ed25519' },
      signature: { header: 'x-fal-webhook-signature', encoding: 'hex' },
      timestamp: { header: 'x-fal-webhook-timestamp', unit: 's' },
      id: { header: 'x-fal-webhook-request-id' },
      parts: { digest: { digest: 'sha256', encoding: 'hex' } },
      content: '{id}\n{header:x-fal-webhook-user-id}\n{timestamp}\n{digest}',
    },
    identity: 'id',
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 7200,
      idStableOverRetries: true,
      retrySignature: 'unknown',
    },
    about: {
      sender: 'fal',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      sources: ['https://docs.fal.ai/model-apis/model-endpoints/webhooks'],
      assumptions: ['The request id identifies the job, so it is the same in every retry.'],
      rotation: 'fal publishes its keys as a set that may be cached for at most 24 hours.',
    },
  }),
);

/**
 * fal: `X-Fal-Webhook-Signature: <hex>`, Ed25519 over four lines: request id, user id, time, digest of the body. Its keys come
 * from {@link falKeys}.
 *
 * - Time: 300 s.
 * - Identity: the request id, which is signed.
 * - Delivery: ten attempts within 2 hours; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: fal(), secrets: falKeys() })
 * ```
 */
export function fal(): DefinedScheme {
  return scheme();
}

/**
 * The keys that fal publishes. A request doesn't name its key, so all keys are tried.
 *
 * @param options.fetch Default: `globalThis.fetch`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * createVerifier({ scheme: fal(), secrets: falKeys() })
 * ```
 */
export function falKeys(options: { readonly fetch?: LimitedFetch } = {}): SecretProvider {
  options = checkKeys('falKeys()', options, ['fetch']);
  return jwksSecrets('https://rest.fal.ai/.well-known/jwks.json', { ...options, algorithms: ['EdDSA'] });
}
