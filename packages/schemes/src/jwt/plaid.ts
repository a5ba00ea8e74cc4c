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
    sources: [
      'https://plaid.com/docs/api/webhooks/webhook-verification/',
      'https://plaid.com/docs/api/webhooks/#webhook-retries',
    ],
    assumptions: ['Tolerance is 300 s both ways: only the past side is documented.'],
    rotation: 'A new key signs under a new id; a replaced one gets an "expired_at" and then counts no more.',
    notes: ['One run per identical body while it is remembered; `deliveryKey` overrides it.'],
  },
});

/**
 * Plaid: `Plaid-Verification: <JWT>`, ES256, with the SHA-256 of the body as hex. Its keys come from {@link plaidKeys}.
 *
 * - Time: `iat`, 300 s.
 * - Identity: the body's bytes.
 * - Delivery: tried again for 24 hours after any failure; a bad signature is answered with 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: plaid(), secrets: plaidKeys({ fetchKey }) })
 * ```
 */
export function plaid(): JwtScheme {
  return scheme;
}

/** What Plaid's `/webhook_verification_key/get` gives as `key`. */
export interface PlaidKey {
  readonly kid?: string;
  readonly alg?: string;
  readonly use?: string;
  readonly kty?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  /** In Unix seconds; not null: the key must not be used any more. */
  readonly expired_at?: number | null;
}

/** Options of {@link plaidKeys}. */
export interface PlaidKeysOptions {
  /**
   * Asks Plaid for the key of an id, and gives it, or nothing where there is none. A rejection with status 400 or 404 in
   * `response.status`, as Plaid's client makes it, counts as nothing. The id comes from a request: it is 1 to 128 characters without
   * a slash, and nothing more is known of it.
   */
  readonly fetchKey: (
    keyId: string,
    context: { readonly signal: AbortSignal },
  ) => Promise<PlaidKey | null | undefined>;
}

const MAX_KEYS = 8;

/**
 * Plaid's keys, each fetched by its id when a delivery first names it: by your function, since that needs your credentials. Keys that
 * were found are fetched again at each reload, so that an expired one is dropped; the last eight are kept.
 *
 * One key is fetched at a time, at the pace of the keyring's `mismatchCooldownSeconds` (10): ids that strangers make up cost no more than
 * that, and may make a new key wait; what is refused meanwhile comes back.
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
    throw configError('"fetchKey" of plaidKeys() must be a function that asks Plaid for the key of an id.');
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
    // Answers at once where nothing is to be fetched: a delivery that comes meanwhile would wait for that, not for its own key.
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

/** The key as PEM; `undefined` where it has expired. */
function readKey(key: PlaidKey, keyId: string): string | undefined {
  if (key.expired_at !== undefined && key.expired_at !== null) return undefined;
  const { alg = 'ES256', use = 'sig', kid = keyId } = key;
  const publicKey = publicKeyOf(key);
  const fits = publicKey !== undefined && fitsAlgorithm(publicKey, 'ES256');
  if (fits && alg === 'ES256' && use === 'sig' && kid === keyId) return pemOf(publicKey);
  throw new WebhookError(
    'ERR_WEBHOOK_PROVIDER_FAILED',
    '"fetchKey" gave no ES256 key of the id that it was asked for. Give what Plaid answers as "key".',
  );
}
