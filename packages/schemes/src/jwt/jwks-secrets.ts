import { type SecretInput, type SecretProvider, WebhookError } from '@countersign/core';
import { checkKeys, checkNumber, configError } from '@countersign/core/extend';
import { fetchLimited, type LimitedFetch, readFetch } from '../remote/limited-fetch.ts';
import { fitsAlgorithm, isSecretAlgorithm, JWT_ALGORITHMS, type PublicAlgorithm } from './jwt-algorithm.ts';
import { pemOf, publicKeyOf } from './public-jwk.ts';

/** Options of {@link jwksSecrets}. */
export interface JwksSecretsOptions {
  /** The sender's algorithms. Keys of other kinds or for other uses are ignored. */
  readonly algorithms: readonly [PublicAlgorithm, ...PublicAlgorithm[]];
  /** Fetches the set. It must not follow redirects. Default: `globalThis.fetch`. */
  readonly fetch?: LimitedFetch;
  /** The largest set, in bytes. Default: 65,536. */
  readonly maxBodyBytes?: number;
}

/** The most keys that a keyring accepts. */
const MAX_KEYS = 8;
const MAX_LISTED = 200;
const KEY_ID = /^[\x21-\x7e]{1,64}$/;

/**
 * The public keys that a sender publishes as a JSON Web Key Set (RFC 7517). The keyring decides when it is fetched: every
 * `intervalSeconds` (300), and after a delivery that matches no key, at the pace of `mismatchCooldownSeconds`.
 *
 * The URL is fixed here: it must be `https:`, redirects are refused, and no part of a request becomes part of it. If a set has
 * more than eight keys, those that deliveries have named come first.
 *
 * Loading fails with `ERR_WEBHOOK_PROVIDER_FAILED` if the URL does not return such a set.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const secrets = jwksSecrets('https://api.acme.example/.well-known/jwks.json', { algorithms: ['ES256'] })
 * ```
 */
export function jwksSecrets(url: string, options: JwksSecretsOptions): SecretProvider {
  options = checkKeys('jwksSecrets()', options, ['algorithms', 'fetch', 'maxBodyBytes']);
  checkAddress(url);
  const { algorithms } = options;
  if (!Array.isArray(algorithms) || algorithms.length === 0 || !algorithms.every(isPublicAlgorithm))
    throw configError('"algorithms" must list the sender\'s public-key algorithms, for example ["ES256"].');
  const fetch = readFetch(options.fetch);
  const maxBodyBytes = checkNumber('maxBodyBytes', options.maxBodyBytes, {
    min: 256,
    max: 1_048_576,
    fallback: 65_536,
  });
  const named = new Set<string>();

  return {
    name: `JWKS ${url}`,
    async load({ signal, keyId, matchedKeyIds = [] }) {
      const fetched = await fetchLimited(url, { fetch, maxBodyBytes, signal, accept: 'application/json' });
      if (fetched.bytes === undefined) throw failed(`The URL ${fetched.problem}.`, fetched.retryAfterSeconds);
      const keys = readKeys(fetched.bytes, algorithms);
      if (keyId !== undefined && keys.some(({ id }) => id === keyId)) remember(named, keyId);
      // An attacker can name any key. So the key that this load is for comes first, then keys that have verified a delivery.
      const rank = ({ id }: ListedKey) =>
        id === undefined ? 3 : id === keyId ? 0 : matchedKeyIds.includes(id) ? 1 : named.has(id) ? 2 : 3;
      const current = keys.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_KEYS);
      if (current.length === 0) throw failed(`The set has no key for ${algorithms.join(', ')}.`);
      return { current: current.map(toInput) };
    },
  };
}

interface ListedKey {
  readonly id: string | undefined;
  readonly pem: string;
}

function checkAddress(url: unknown): void {
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
  const { protocol, username, password, hash } = parsed ?? {};
  if (protocol !== 'https:' || username !== '' || password !== '' || hash !== '' || parsed?.href !== url)
    throw configError(
      'jwksSecrets() needs the https: URL of the key set, without user, password and fragment.',
    );
}

function isPublicAlgorithm(algorithm: PublicAlgorithm): boolean {
  return JWT_ALGORITHMS.includes(algorithm) && !isSecretAlgorithm(algorithm);
}

function readKeys(bytes: Buffer, algorithms: readonly PublicAlgorithm[]): readonly ListedKey[] {
  let keys: unknown;
  try {
    ({ keys } = JSON.parse(bytes.toString('utf8')));
  } catch {
    keys = undefined;
  }
  if (!Array.isArray(keys)) throw failed('The URL did not return a JSON Web Key Set. Check it.');
  const seen = new Set<string>();
  const found: ListedKey[] = [];
  for (const jwk of keys.slice(0, MAX_LISTED)) {
    const pem = usable(jwk, algorithms);
    if (pem === undefined || found.some((key) => key.pem === pem)) continue;
    const { kid } = jwk as { kid?: unknown };
    // If two keys have the same id, the id selects neither: all keys are tried.
    const id = typeof kid === 'string' && KEY_ID.test(kid) && !seen.has(kid) ? kid : undefined;
    if (id !== undefined) seen.add(id);
    found.push({ id, pem });
  }
  return found;
}

/** The key as PEM, if it is meant for one of these algorithms. */
function usable(jwk: unknown, algorithms: readonly PublicAlgorithm[]): string | undefined {
  const key = publicKeyOf(jwk);
  if (key === undefined) return undefined;
  const { alg, use, key_ops: operations } = jwk as { alg?: unknown; use?: unknown; key_ops?: unknown };
  if (use !== undefined && use !== 'sig') return undefined;
  if (Array.isArray(operations) && !operations.includes('verify')) return undefined;
  const fits = algorithms.some(
    (algorithm) => (alg === undefined || alg === algorithm) && fitsAlgorithm(key, algorithm),
  );
  return fits ? pemOf(key) : undefined;
}

function remember(named: Set<string>, keyId: string): void {
  named.delete(keyId);
  named.add(keyId);
  const [oldest] = named;
  if (named.size > MAX_KEYS && oldest !== undefined) named.delete(oldest);
}

function toInput({ id, pem }: ListedKey): SecretInput {
  return id === undefined ? pem : { id, secret: pem };
}

function failed(message: string, retryAfterSeconds?: number): WebhookError {
  const options = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  return new WebhookError('ERR_WEBHOOK_PROVIDER_FAILED', message, options);
}
