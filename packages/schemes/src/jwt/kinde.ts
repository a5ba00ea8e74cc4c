import type { SecretProvider } from '@countersign/core';
import { checkKeys, configError } from '@countersign/core/extend';
import type { LimitedFetch } from '../remote/limited-fetch.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';
import { jwksSecrets } from './jwks-secrets.ts';

const scheme = defineJwtScheme({
  name: 'kinde',
  algorithms: ['RS256'],
  token: { body: true },
  identity: { claim: 'event_id' },
  delivery: { retries: 'unknown', idStableOverRetries: true, retrySignature: 'unknown' },
  about: {
    sender: 'Kinde',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    sources: [
      'https://docs.kinde.com/integrate/webhooks/add-manage-webhooks/',
      'https://www.npmjs.com/package/@kinde/webhooks',
    ],
    assumptions: [
      'The claim "event_id" is the same in every try: the name says so.',
      'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
    ],
    rotation: 'Kinde publishes its keys as a set and names the key in each token.',
    notes: ['The body is a token: read it with `tokenClaims(webhook)`.'],
  },
});

/**
 * Kinde: the body is a JWT with RS256 under a key of your Kinde domain. Read it with {@link tokenClaims}. Its keys come from
 * {@link kindeKeys}.
 *
 * - Identity: the claim `event_id`.
 * - Delivery: the sender does not document what it retries; a bad token gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: kinde(), secrets: kindeKeys({ domain: 'acme.kinde.com' }) })
 * ```
 */
export function kinde(): JwtScheme {
  return scheme;
}

/**
 * The keys of your Kinde domain. Tokens of other domains match none of them.
 *
 * @param options.domain Your domain, without `https://`.
 * @param options.fetch Default: `globalThis.fetch`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * createVerifier({ scheme: kinde(), secrets: kindeKeys({ domain: 'acme.kinde.com' }) })
 * ```
 */
export function kindeKeys(options: {
  readonly domain: string;
  readonly fetch?: LimitedFetch;
}): SecretProvider {
  const { domain, ...others } = checkKeys('kindeKeys()', options, ['domain', 'fetch']);
  if (typeof domain !== 'string' || !/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(domain))
    throw configError('"domain" of kindeKeys() must be your Kinde domain, for example "acme.kinde.com".');
  return jwksSecrets(`https://${domain}/.well-known/jwks.json`, { ...others, algorithms: ['RS256'] });
}
