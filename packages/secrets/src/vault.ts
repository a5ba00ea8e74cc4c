import type { Clock, SecretProvider } from '@countersign/core';
import { checkClock, checkKeys, configError, providerError, systemClock } from '@countersign/core/extend';
import { SeenVersions } from './seen-versions.ts';
import {
  FORMAT_OPTIONS,
  failedRead,
  failureOf,
  isSet,
  nothingStored,
  readFormat,
  refusedRead,
  type StoredValueOptions,
  type StoredVersion,
  setOfJson,
  setOfVersions,
  throttled,
} from './stored-value.ts';

/** The part of a client of Vault or OpenBao that is used: `node-vault` has it. */
export interface VaultReader {
  /**
   * Returns the API's response to GET, parsed. Rejects with the status in `response.statusCode` and, if there is one, the parsed body in
   * `response.body`.
   */
  read(path: string): Promise<unknown>;
}

/** Options of {@link vaultSecrets}. */
export interface VaultSecretsOptions extends StoredValueOptions {
  /** A client with a token. Your code must renew the token in the client. */
  client: VaultReader;
  /** The path in the API of KV version 2, with `data` after the mount: `secret/data/webhooks/acme`. */
  path: string;
  /** The field that contains the secret. Default: `'set'`, where `@countersign/rotation` writes it, or else `'secret'`. */
  field?: string;
  /** The time by which versions delete themselves. Default: the machine's clock. */
  clock?: Clock;
}

interface VersionEntry {
  readonly number: string;
  readonly createdAt: Date;
  /** When it will delete itself. */
  readonly deletedAt: Date | undefined;
}

const PERMISSION =
  '"read" on this path and on the same path with "metadata" instead of "data". If the policy allows both, the token has expired: renew it in the client';
const DEFAULT_FIELDS = ['set', 'secret'];

/**
 * A secret in Vault or OpenBao, KV version 2: the newest version is the current one, the one before it the previous one. Versions
 * that were deleted or destroyed are skipped. A version that will delete itself (`delete_version_after`) is accepted until then.
 *
 * A change takes effect at the next reload: after `intervalSeconds` (300) at the latest, or at the first delivery that matches no
 * key. A response whose newest version is older than one seen before, from an outdated replica, is refused as stale. Needs `read`
 * on `…/data/…` and `…/metadata/…`, and a client that renews its token.
 *
 * If the secret does not exist or all its versions are deleted, nothing is accepted after that load. Loading fails with
 * `ERR_WEBHOOK_PROVIDER_FAILED` if Vault can't be asked, is sealed, refuses or throttles the call, or returns a stale response,
 * and with `ERR_WEBHOOK_SECRETS_INVALID` if the field can't be used; then the last good set stays in use.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @see https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
 * @example
 * ```ts
 * import vault from 'node-vault'
 *
 * const client = vault() // VAULT_ADDR, VAULT_TOKEN
 * createVerifier({ scheme: polyai(), secrets: vaultSecrets({ client, path: 'secret/data/webhooks/polyai' }) })
 * ```
 */
export function vaultSecrets(options: VaultSecretsOptions): SecretProvider {
  options = checkKeys('vaultSecrets()', options, ['client', 'path', 'clock', ...FORMAT_OPTIONS]);
  checkClock(options.clock);
  const { client, path, clock = systemClock } = options;
  if (typeof client?.read !== 'function') {
    throw configError(
      '"client" of vaultSecrets() must have read(). Pass the client of node-vault, or one like it.',
    );
  }
  if (typeof path !== 'string' || !/^[^/?#][^?#]*\/data\/[^?#]+$/.test(path)) {
    throw configError(
      '"path" of vaultSecrets() must be a path in the API of KV version 2, with "data" after the mount: secret/data/webhooks/acme.',
    );
  }
  const format = readFormat(options);
  const name = `Vault secret ${path}`;
  const location = `The ${name}`;
  const fields = format.field === undefined ? DEFAULT_FIELDS : [format.field];
  const where = `${location}, field "${fields.join('" or "')}",`;
  const seen = new SeenVersions(location);

  async function readVersions(): Promise<object> {
    const response = await client.read(path.replace('/data/', '/metadata/')).catch((error: unknown) => {
      throw explain(location, error);
    });
    const versions = Reflect.get(child(response, 'data'), 'versions');
    if (typeof versions === 'object' && versions !== null) return versions;
    if (Object.keys(child(response, 'data')).length > 0) {
      throw providerError(
        `${location} has no versions: its mount is KV version 1. Enable versions with "vault kv enable-versioning", or use another mount.`,
      );
    }
    throw providerError(
      `${location} can't be read: the response is not one of Vault's API. Check the URL of the client, and whether a proxy responds in its place.`,
    );
  }

  async function readVersion(entry: VersionEntry): Promise<StoredVersion | undefined> {
    const response = await client.read(`${path}?version=${entry.number}`).catch((error: unknown) => {
      if (failureOf(error).status !== 404) throw explain(location, error);
      throw providerError(`${location} changed while it was read. The provider reads it again soon.`);
    });
    const secret = child(child(response, 'data'), 'data');
    const value: unknown = fields
      .filter((field) => Object.hasOwn(secret, field))
      .map((field) => Reflect.get(secret, field))
      .find((one) => one !== undefined);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') {
      throw providerError(`${where} is not text. Store the secret, or the set as JSON, as text.`);
    }
    return { value, since: entry.createdAt, notAfter: entry.deletedAt };
  }

  return {
    name,
    inTurn: true,
    async load() {
      const versions = await readVersions();
      const [last] = entriesOf(versions);
      seen.check(last && { version: last.number, number: Number(last.number), createdAt: last.createdAt });
      const [newest, older] = usable(versions, clock.now());
      if (newest === undefined) throw nothingStored(location, 'Every version is deleted: write a new one.');
      const current = await readVersion(newest);
      if (current === undefined) {
        throw providerError(`${where} does not exist. Check "field", and that the secret is stored in it.`);
      }
      if (isSet(format, current.value)) return setOfJson(where, current.value, newest.number);
      // A version from before the secret was stored in this field has none.
      const previous = older && format.retainMs !== 0 ? await readVersion(older) : undefined;
      return setOfVersions(where, format, { current, previous, version: newest.number });
    },
  };
}

/** Names the cause, but nothing from the response. */
function explain(location: string, error: unknown): unknown {
  const failure = failureOf(error);
  const { status } = failure;
  const body = child(child(error, 'response'), 'body');
  const errors: unknown = Reflect.get(body, 'errors');
  const says = (text: string) =>
    Array.isArray(errors) && errors.some((one) => typeof one === 'string' && one.includes(text));
  switch (status) {
    case 404:
      if (!says('no handler for route')) {
        return nothingStored(location, 'Check the path, and that the mount is KV version 2.');
      }
      return providerError(
        `${location} can't be read: Vault has no secrets engine at its mount (404). Check "path".`,
      );
    case 403:
      return refusedRead(location, PERMISSION);
    case 400: {
      const what = 'refuses the call. Check that the client has a token, and that "path" is right';
      return failedRead(location, 'Vault', what, failure);
    }
    case 429:
      return throttled(location, 'Vault', failure);
    case 472:
    case 473:
      return failedRead(
        location,
        'Vault',
        "is a standby that can't read. Use the URL of the active node",
        failure,
      );
    case 501:
      return failedRead(location, 'Vault', 'is not initialized. Initialize it', failure);
    case 503:
      return failedRead(location, 'Vault', 'is sealed or in maintenance. Unseal it', failure);
    default:
      if (status === undefined || status < 500) return error;
      return failedRead(location, 'Vault', 'fails. The provider tries again soon', failure);
  }
}

/** Newest first. */
function entriesOf(versions: object): (VersionEntry & { readonly destroyed: boolean })[] {
  const entries = Object.keys(versions).map((number) => {
    const entry = child(versions, number) as {
      created_time?: unknown;
      deletion_time?: unknown;
      destroyed?: unknown;
    };
    return {
      number,
      createdAt: new Date(String(entry.created_time)),
      deletedAt: entry.deletion_time ? new Date(String(entry.deletion_time)) : undefined,
      destroyed: entry.destroyed === true,
    };
  });
  return entries.sort((a, b) => Number(b.number) - Number(a.number));
}

/** Those that can be read, newest first. */
function usable(versions: object, now: number): VersionEntry[] {
  // With `delete_version_after` every version has a time of deletion, in the future.
  return entriesOf(versions).filter(
    ({ deletedAt, destroyed }) => !destroyed && (deletedAt === undefined || deletedAt.getTime() > now),
  );
}

function child(value: unknown, name: string): object {
  const found: unknown = value !== null && typeof value === 'object' ? Reflect.get(value, name) : undefined;
  return found !== null && typeof found === 'object' ? found : {};
}
