import type { SecretProvider, SecretSetInput } from '@countersign/core';
import { checkKeys, configError } from '@countersign/core/extend';

/** Options of a provider whose keys your own function asks for, because the sender wants your credentials. */
export interface KeysByIdOptions<K> {
  /**
   * Asks the sender for the key with an id and returns it, or returns nothing if there is none. A rejection with status 400 or 404 in
   * `response.status`, as many HTTP clients make it, counts as none. The id comes from an unverified request: it is only known to
   * have 1 to 128 characters and no slash.
   */
  readonly fetchKey: (
    keyId: string,
    context: { readonly signal: AbortSignal },
  ) => Promise<K | null | undefined>;
}

const MAX_KEYS = 8;
/** Without a slash and without dots in a row, so that a key's name can't change a path. */
const KEY_ID = /^(?!.*\.\.)[\w.:=+@~-]{1,128}$/;

/** Whether a text can be the id of a key that {@link keysById} asks for. */
export function isKeyId(text: string): boolean {
  return KEY_ID.test(text);
}

/**
 * Keys of a sender, each fetched by its id when a delivery first names it. Known keys are fetched again at each reload, so that a key
 * that the sender gave up is dropped; the last eight are kept.
 *
 * One key is fetched at a time, at the pace of the keyring's `mismatchCooldownSeconds` (10): ids that attackers make up cause no more
 * than that.
 *
 * @param owner The function that takes the options, with parentheses.
 * @param read The key as PEM; `undefined` if it must not be used.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 */
export function keysById<K>(
  owner: string,
  options: KeysByIdOptions<K>,
  read: (key: K, keyId: string) => string | undefined,
): SecretProvider {
  options = checkKeys(owner, options, ['fetchKey']);
  const { fetchKey } = options;
  if (typeof fetchKey !== 'function')
    throw configError(`"fetchKey" of ${owner} must be a function that returns the sender's key for an id.`);
  const known = new Map<string, string>();

  async function reload(keyId: string, signal: AbortSignal): Promise<void> {
    const key = isKeyId(keyId) ? await askFor(() => fetchKey(keyId, { signal })) : undefined;
    signal.throwIfAborted();
    known.delete(keyId);
    const pem = key ? read(key, keyId) : undefined;
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
    name: `keys of ${owner}`,
    onDemand: true,
    // Returns synchronously if there is nothing to fetch: otherwise a delivery that arrives meanwhile would wait for this load
    // instead of for its own key.
    load({ signal, keyId }) {
      const wanted = keyId === undefined ? [...known.keys()] : [keyId];
      return wanted.length === 0 ? currentSet() : reloadAll(wanted, signal);
    },
  };
}

async function askFor<K>(ask: () => Promise<K | null | undefined>): Promise<K | null | undefined> {
  try {
    return await ask();
  } catch (error) {
    const status = (error as { response?: { status?: unknown } } | null | undefined)?.response?.status;
    if (status === 400 || status === 404) return undefined;
    throw error;
  }
}
