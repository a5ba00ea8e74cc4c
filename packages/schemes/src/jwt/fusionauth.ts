import { checkChoice, checkKeys } from '@countersign/core/extend';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';
import type { PublicKeyRules, SharedSecretRules } from './jwt-definition.ts';

/** Options of {@link fusionAuth}. */
export interface FusionAuthOptions {
  /** The kind of the signing key in Key Master. `hmac`: a shared secret; `rsa`, `ec`: public keys, such as {@link jwksSecrets} loads. */
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
 * - Time: `exp`, `nbf` and `iat` count where a token has them; which it has is not documented.
 * - Identity: the body's bytes; each event in it has its own id.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
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
  // There is no default: a key of the wrong kind must not be taken for a secret.
  const key = checkChoice('key', options.key ?? '', ['hmac', 'rsa', 'ec']);
  return defineJwtScheme({
    ...(ALGORITHMS[key] as SharedSecretRules | PublicKeyRules),
    name: 'fusionauth',
    token: { header: 'x-fusionauth-signature-jwt' },
    bodyHash: { claim: 'request_body_sha256', encoding: 'base64' },
    identity: 'body',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'FusionAuth',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      sources: ['https://fusionauth.io/docs/extend/events-and-webhooks/signing'],
      assumptions: [
        'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
        'Whether a token says when it was signed is not documented.',
      ],
      rotation:
        'Public keys: publish the new one, then have the webhook sign with it. Shared ones: give both.',
      notes: ['One run per identical body while it is remembered; every event has its own id in the body.'],
    },
  });
}
