import { type SecretProvider, WebhookError } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { type KeysByIdOptions, keysById } from '../remote/keys-by-id.ts';
import { ONLY_200 } from '../senders/shared-facts.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';
import { fitsAlgorithm } from './jwt-algorithm.ts';
import { pemOf, publicKeyOf } from './public-jwk.ts';

const scheme = lazily(() =>
  defineJwtScheme({
    name: 'plaid',
    algorithms: ['ES256'],
    token: { header: 'plaid-verification' },
    bodyHash: { claim: 'request_body_sha256', encoding: 'hex' },
    time: 'iat',
    identity: 'body',
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 86_400,
      timeoutSeconds: 10,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Plaid',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The pages about retries were read, in part through a copy: 10 s, 24 hours. They name both 200 and 2xx as the success.',
      sources: [
        'https://plaid.com/docs/api/webhooks/webhook-verification/',
        'https://plaid.com/docs/api/webhooks/#webhook-retries',
        'https://support.plaid.com/hc/en-us/articles/40390675922967-Can-Plaid-re-push-failed-or-missed-webhook-events',
      ],
      assumptions: ['The tolerance is 300 s each way: the sender documents it only for the past.'],
      rotation:
        'A new key signs under a new id. A replaced key gets an "expired_at" and is not accepted after that.',
      notes: [
        'One page of Plaid accepts any 2xx, another only 200. If your handler sends the response itself, it should send 200.',
        'Plaid stops retrying for an endpoint that rejected more than 90 % of its webhooks within a day.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Plaid: `Plaid-Verification: <JWT>`, ES256, with the SHA-256 of the body as hex. Its keys come from {@link plaidKeys}.
 *
 * - Time: `iat`, 300 s.
 * - Identity: the body's bytes.
 * - Delivery: retried for 24 hours after any failure; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: plaid(), secrets: plaidKeys({ fetchKey }) })
 * ```
 */
export function plaid(): JwtScheme {
  return scheme();
}

/** The `key` that Plaid's `/webhook_verification_key/get` returns. */
export interface PlaidKey {
  readonly kid?: string;
  readonly alg?: string;
  readonly use?: string;
  readonly kty?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  /** In Unix seconds. If it is not null, the key must not be used any more. */
  readonly expired_at?: number | null;
}

/** Options of {@link plaidKeys}. */
export type PlaidKeysOptions = KeysByIdOptions<PlaidKey>;

/**
 * Plaid's keys, each fetched by its id when a delivery first names it. Your function fetches it, because that needs your
 * credentials. Known keys are fetched again at each reload, so that an expired key is dropped; the last eight are kept.
 *
 * One key is fetched at a time, at the pace of the keyring's `mismatchCooldownSeconds` (10): ids that attackers make up cause no
 * more than that. They may delay a new key; a delivery that is refused meanwhile gets a status that Plaid retries.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const secrets = plaidKeys({
 *   fetchKey: async (key_id, { signal }) => (await client.webhookVerificationKeyGet({ key_id }, { signal })).data.key,
 * })
 * ```
 */
export function plaidKeys(options: PlaidKeysOptions): SecretProvider {
  return keysById('plaidKeys()', options, readKey);
}

/** The key as PEM; `undefined` if it has expired. */
function readKey(key: PlaidKey, keyId: string): string | undefined {
  if (key.expired_at !== undefined && key.expired_at !== null) return undefined;
  const { alg = 'ES256', use = 'sig', kid = keyId } = key;
  const publicKey = publicKeyOf(key);
  const fits = publicKey !== undefined && fitsAlgorithm(publicKey, 'ES256');
  if (fits && alg === 'ES256' && use === 'sig' && kid === keyId) return pemOf(publicKey);
  throw new WebhookError(
    'ERR_WEBHOOK_PROVIDER_FAILED',
    '"fetchKey" did not return an ES256 key with the requested id. Return the "key" of Plaid\'s response.',
  );
}
