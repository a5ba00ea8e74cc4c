import { type SecretProvider, type SecretSetInput, WebhookError } from '@countersign/core';
import { checkKeys, configError } from '@countersign/core/extend';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';
import { fitsAlgorithm } from './jwt-algorithm.ts';
import { pemOf, publicKeyOf } from './public-jwk.ts';

const scheme = defineJwtScheme({
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
  },
  about: {
    sender: 'Plaid',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    retryRules: 'documented',
    sources: [
      'https://plaid.com/docs/api/webhooks/webhook-verification/',
      'https://plaid.com/docs/api/webhooks/#webhook-retries',
    ],
    assumptions: ['The tolerance is 300 s each way: the sender documents it only for the past.'],
    rotation:
      'A new key signs under a new id. A replaced key gets an "expired_at" and is not accepted after that.',
    notes: [
      'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
    ],
  },
});

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
  return scheme;
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
export interface PlaidKeysOptions {
  /**
   * Asks Plaid for the key with an id and returns it, or returns nothing if there is none. A rejection with status 400 or 404 in
   * `response.status`, as Plaid's client makes it, counts as none. The id comes from an unverified request: it is only known to
   * have 1 to 128 characters and no slash.
   */
  readonly fetchKey: (
    keyId: string,
    context: { readonly signal: AbortSignal },
  ) => Promise<PlaidKey | null | undefined>;
}

const MAX_KEYS = 8;

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
  options = checkKeys('plaidKeys()', options, ['fetchKey']);
  const { fetchKey } = options;
  if (typeof fetchKey !== 'function')
    throw configError('"fetchKey" of plaidKeys() must be a function that returns Plaid\'s key for an id.');
  const known = new Map<string, string>();

  async function reload(keyId: string, signal: AbortSignal): Promise<void> {
    const key = await askFor(() => fetchKey(keyId, { signal }));
    signal.throwIfAborted();
    known.delete(keyId);
    const pem = key ? readKey(key, keyId) : undefined;
    if (pem !== undefined) known.set(keyId, pem);
    const [oldest] = known.keys();
    if (known.size > MAX_KEYS && oldest !== undefined) known.delete(oldest);
  }

  async function reloadAll(keyIds: readonly string[], signal: AbortSignal): Promise<SecretSetInput> {
    for (const each of keyIds) await reload(each, signal);
    return currentSet();
  }

  function currentSet(): SecretSetInput {
    return { current: [...known].map(([id, secret]) => (id.length > 64 ? secret : { id, secret })) };
  }

  return {
    name: 'Plaid keys',
    onDemand: true,
    // Returns synchronously if there is nothing to fetch: otherwise a delivery that arrives meanwhile would wait for this load
    // instead of for its own key.
    load({ signal, keyId }) {
      const wanted = keyId === undefined ? [...known.keys()] : [keyId];
      return wanted.length === 0 ? currentSet() : reloadAll(wanted, signal);
    },
  };
}

async function askFor(ask: () => Promise<PlaidKey | null | undefined>): Promise<PlaidKey | null | undefined> {
  try {
    return await ask();
  } catch (error) {
    const status = (error as { response?: { status?: unknown } } | null | undefined)?.response?.status;
    if (status === 400 || status === 404) return undefined;
    throw error;
  }
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
