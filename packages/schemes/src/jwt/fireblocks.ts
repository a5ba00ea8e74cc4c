import type { SecretProvider } from '@countersign/core';
import { checkChoice, checkKeys } from '@countersign/core/extend';
import type { LimitedFetch } from '../remote/limited-fetch.ts';
import { ONLY_PUBLIC_CODE } from '../senders/shared-facts.ts';
import { type DetachedJwsScheme, detachedJwsScheme } from './detached-jws.ts';
import { jwksSecrets } from './jwks-secrets.ts';

const scheme = detachedJwsScheme(
  {
    name: 'fireblocks',
    algorithms: ['RS512'],
    header: 'fireblocks-webhook-signature',
    freshness: { signed: 'none' },
    needsPublicUrl: false,
    delivery: { retries: 'any-failure', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'Fireblocks (webhooks v2)',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: ONLY_PUBLIC_CODE,
      sources: [
        'https://developers.fireblocks.com/reference/validating-webhooks',
        'github.com/hookdeck/webhook-skills skills/fireblocks-webhooks',
      ],
      assumptions: ['Fireblocks tries ten times; for how long is not documented: 24 hours are assumed.'],
      rotation: 'Fireblocks publishes its keys as a set and names the key in each signature.',
      notes: [
        'The older header Fireblocks-Signature, with a static key, is not read.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  },
  () => ({ before: '', identity: '' }),
);

/**
 * Fireblocks, webhooks v2: `Fireblocks-Webhook-Signature: <header>..<signature>`, a detached JWS with RS512 over the body. Its keys come
 * from {@link fireblocksKeys}.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: fireblocks(), secrets: fireblocksKeys() })
 * ```
 */
export function fireblocks(): DetachedJwsScheme {
  return scheme;
}

const HOSTS = {
  us: 'keys.fireblocks.io',
  eu: 'eu-keys.fireblocks.io',
  eu2: 'eu2-keys.fireblocks.io',
  sandbox: 'sandbox-keys.fireblocks.io',
} as const;

/**
 * The keys that Fireblocks publishes for your environment.
 *
 * @param options.environment Where your workspace is. Default: `'us'`.
 * @param options.fetch Default: `globalThis.fetch`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * createVerifier({ scheme: fireblocks(), secrets: fireblocksKeys({ environment: 'eu' }) })
 * ```
 */
export function fireblocksKeys(
  options: { readonly environment?: 'us' | 'eu' | 'eu2' | 'sandbox'; readonly fetch?: LimitedFetch } = {},
): SecretProvider {
  const { environment = 'us', ...others } = checkKeys('fireblocksKeys()', options, ['environment', 'fetch']);
  checkChoice('environment', environment, ['us', 'eu', 'eu2', 'sandbox']);
  return jwksSecrets(`https://${HOSTS[environment]}/.well-known/jwks.json`, {
    ...others,
    algorithms: ['RS512'],
  });
}
