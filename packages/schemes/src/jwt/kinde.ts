import type { SecretProvider } from '@countersign/core';
import { checkKeys, configError } from '@countersign/core/extend';
import { lazily } from '../lazily.ts';
import type { LimitedFetch } from '../remote/limited-fetch.ts';
import { ONLY_200 } from '../senders/shared-facts.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';
import { jwksSecrets } from './jwks-secrets.ts';

const scheme = lazily(() =>
  defineJwtScheme({
    name: 'kinde',
    algorithms: ['RS256'],
    token: { body: true },
    identity: { claim: 'event_id' },
    delivery: {
      retries: 'any-failure',
      // Waits grow from 5 seconds to 4 hours; then every 12 hours, until 36 hours.
      retrySpanSeconds: 129_600,
      idStableOverRetries: true,
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Kinde',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'The wait for a response was not found in the documentation.',
      sources: [
        'https://docs.kinde.com/integrate/webhooks/add-manage-webhooks/',
        'https://www.npmjs.com/package/@kinde/webhooks',
        'https://docs.kinde.com/integrate/webhooks/about-webhooks/',
        'github.com/kinde-oss/documentation src/content/docs/integrate/webhooks/about-webhooks.mdx',
      ],
      assumptions: [
        'The claim "event_id" is the same in every try, because it names the event. The documentation says so only of the header webhook-id, which is not signed.',
      ],
      rotation: 'Kinde publishes its keys as a set and names the key in each token.',
      notes: [
        'The body is a token: read it with `tokenClaims(webhook)`.',
        'Kinde asks for 200, so a verifier acknowledges with it. Your own responses should have that status, too.',
        'A webhook that fails for 72 hours is disabled.',
      ],
    },
  }),
);

/**
 * Kinde: the body is a JWT with RS256 under a key of your Kinde domain. Read it with {@link tokenClaims}. Its keys come from
 * {@link kindeKeys}.
 *
 * - Identity: the claim `event_id`.
 * - Delivery: the sender retries after any response other than 200, for 36 hours; a bad token gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: kinde(), secrets: kindeKeys({ domain: 'acme.kinde.com' }) })
 * ```
 */
export function kinde(): JwtScheme {
  return scheme();
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
