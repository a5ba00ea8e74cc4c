import { type DefinedScheme, defineScheme, type SecretProvider } from '@countersign/core';
import { checkKeys } from '@countersign/core/extend';
import type { LimitedFetch } from '../remote/limited-fetch.ts';
import { jwksSecrets } from './jwks-secrets.ts';

const KEY_ID = 'x-turnkey-signature-key-id';

const scheme = defineScheme({
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
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Turnkey',
    confidence: 'sender-code',
    testedWith: 'sender-library',
    retryRules: 'unknown',
    sources: [
      'https://docs.turnkey.com/features/webhooks/verify-signatures',
      'github.com/tkhq/sdk packages/crypto/src/webhooks.ts',
    ],
    assumptions: [
      'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      'The event id is the same in every retry.',
      'The tolerance is 300 s each way, as in the example of its documentation.',
    ],
    rotation: 'Each signature names its key; new keys are published in the set before they sign.',
  },
});

/**
 * Turnkey: `X-Turnkey-Signature: <hex>`, Ed25519 over version, algorithm, key id, time, event id and body. Its keys come from
 * {@link turnkeyKeys}.
 *
 * - Time: 300 s.
 * - Identity: the event id, which is signed.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: turnkey(), secrets: turnkeyKeys() })
 * ```
 */
export function turnkey(): DefinedScheme {
  return scheme;
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
