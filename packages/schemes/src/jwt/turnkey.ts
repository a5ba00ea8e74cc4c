import { type DefinedScheme, defineScheme, type SecretProvider } from '@countersign/core';
import { checkKeys } from '@countersign/core/extend';
import { lazily } from '../lazily.ts';
import type { LimitedFetch } from '../remote/limited-fetch.ts';
import { jwksSecrets } from './jwks-secrets.ts';

const KEY_ID = 'x-turnkey-signature-key-id';

const scheme = lazily(() =>
  defineScheme({
    name: 'turnkey',
    secret: { publicKey: 'ed25519', encoding: 'pem' },
    signed: {
      algorithm: { publicKey: 'ed25519' },
      signature: { header: 'x-turnkey-signature', encoding: 'hex' },
      timestamp: { header: 'x-turnkey-timestamp', unit: 'ms' },
      id: { header: 'x-turnkey-event-id' },
      keyId: { header: KEY_ID },
      requiredHeaders: { 'x-turnkey-signature-algorithm': 'ed25519', 'x-turnkey-signature-version': 'v1' },
      content: `v1.ed25519.{header:${KEY_ID}}.{timestamp}.{id}.{body}`,
    },
    identity: 'id',
    delivery: { retries: ['5xx'], idStableOverRetries: true, retrySignature: 'renewed' },
    about: {
      sender: 'Turnkey',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'Not found: timeout, and for how long Turnkey retries: it does not promise a schedule.',
      sources: [
        'https://docs.turnkey.com/features/webhooks/verify-signatures',
        'github.com/tkhq/docs features/webhooks/overview.mdx',
        'github.com/tkhq/sdk packages/crypto/src/webhooks.ts',
      ],
      assumptions: [
        'The sender does not document for how long it retries: 24 hours are assumed.',
        'The tolerance is 300 s each way, as in the example of its documentation.',
      ],
      rotation: 'Each signature names its key; new keys are published in the set before they sign.',
      notes: ['For Turnkey, 3xx and 4xx are final, 429 too: only 5xx and network errors are retried.'],
    },
  }),
);

/**
 * Turnkey: `X-Turnkey-Signature: <hex>`, Ed25519 over version, algorithm, key id, time, event id and body. Its keys come from
 * {@link turnkeyKeys}.
 *
 * - Time: 300 s.
 * - Identity: the event id, which is signed.
 * - Delivery: the sender retries only after 5xx; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: turnkey(), secrets: turnkeyKeys() })
 * ```
 */
export function turnkey(): DefinedScheme {
  return scheme();
}

/**
 * The keys that Turnkey publishes.
 *
 * @param options.fetch Default: `globalThis.fetch`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * createVerifier({ scheme: turnkey(), secrets: turnkeyKeys() })
 * ```
 */
export function turnkeyKeys(options: { readonly fetch?: LimitedFetch } = {}): SecretProvider {
  options = checkKeys('turnkeyKeys()', options, ['fetch']);
  const url = 'https://api.turnkey.com/public/v1/discovery/webhooks/jwks';
  return jwksSecrets(url, { ...options, algorithms: ['EdDSA'] });
}
