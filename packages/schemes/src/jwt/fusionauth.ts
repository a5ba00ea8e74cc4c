import { checkChoice, checkKeys } from '@countersign/core/extend';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';
import type { PublicKeyRules, SharedSecretRules } from './jwt-definition.ts';

/** Options of {@link fusionAuth}. */
export interface FusionAuthOptions {
  /**
   * The kind of the signing key in Key Master. `hmac`: a shared secret; `rsa`, `ec`: public keys, which {@link jwksSecrets}
   * loads.
   */
  readonly key: 'hmac' | 'rsa' | 'ec';
}

const ALGORITHMS: Readonly<
  Record<FusionAuthOptions['key'], Pick<SharedSecretRules | PublicKeyRules, 'algorithms'>>
> = {
  hmac: { algorithms: ['HS256', 'HS384', 'HS512'] },
  rsa: { algorithms: ['RS256', 'RS384', 'RS512'] },
  ec: { algorithms: ['ES256', 'ES384', 'ES512'] },
};

/**
 * FusionAuth: `X-FusionAuth-Signature-JWT: <JWT>`, with the SHA-256 of the body as base64.
 *
 * - Time: `exp`, `nbf` and `iat` are checked if a token has them; FusionAuth does not document which it has.
 * - Identity: the body's bytes; each event in it has its own id.
 * - Delivery: the sender retries three times after any response other than 2xx, if the transaction of the event succeeded; a bad
 *   token gets 401.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const secrets = jwksSecrets('https://auth.example.com/.well-known/jwks.json', { algorithms: ['RS256'] })
 * const verifier = createVerifier({ scheme: fusionAuth({ key: 'rsa' }), secrets })
 * ```
 */
export function fusionAuth(options: FusionAuthOptions): JwtScheme {
  options = checkKeys('fusionAuth()', options, ['key']);
  // There is no default, because a key of the wrong kind must not be used as a secret.
  const key = checkChoice('key', options.key ?? '', ['hmac', 'rsa', 'ec']);
  return defineJwtScheme({
    ...(ALGORITHMS[key] as SharedSecretRules | PublicKeyRules),
    name: 'fusionauth',
    token: { header: 'x-fusionauth-signature-jwt' },
    bodyHash: { claim: 'request_body_sha256', encoding: 'base64' },
    identity: 'body',
    delivery: {
      retries: 'any-failure',
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'FusionAuth',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'The waits between the tries were not found in the documentation.',
      sources: [
        'https://fusionauth.io/docs/extend/events-and-webhooks/signing',
        'https://fusionauth.io/docs/extend/events-and-webhooks/writing-a-webhook',
        'github.com/FusionAuth/fusionauth-site astro/src/content/docs/extend/events-and-webhooks/writing-a-webhook.mdx',
      ],
      assumptions: [
        'The sender does not document for how long its three retries go on: 24 hours are assumed.',
        'The sender does not document whether a token contains the time of its signature.',
      ],
      rotation:
        'With public keys, publish the new one, then let the webhook sign with it. With shared secrets, configure both.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered, but every event has its own id in the body.',
        'FusionAuth can make an operation wait for its webhooks (the transaction setting of an event). If they refuse, the operation fails and nothing is retried.',
      ],
    },
  });
}
