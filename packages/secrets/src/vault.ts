import type { Clock, SecretProvider } from '@countersign/core';
import { checkKeys, configError, systemClock } from '@countersign/core/extend';
import { SeenVersions } from './seen-versions.ts';
import {
  FORMAT_OPTIONS,
  holdsSet,
  nothingStored,
  readFormat,
  refusedRead,
  type StoredValueOptions,
  type StoredVersion,
  setOfJson,
  setOfVersions,
} from './stored-value.ts';

/** What of a client of Vault or OpenBao is used: `node-vault` has it. */
export interface VaultReader {
  /** Gives what the API answers to GET, parsed. Rejects with the status in `response.statusCode`. */
  read(path: string): Promise<unknown>;
}

/** Options of {@link vaultSecrets}. */
export interface VaultSecretsOptions extends StoredValueOptions {
  /** A client with a token; renewing that is the client's business. */
  client: VaultReader;
  /** As the API of KV version 2 has it, with `data` after the mount: `secret/data/webhooks/acme`. */
  path: string;
  /** The field that holds the secret. Default: `'set'`, where `@countersign/rotation` writes it, or else `'secret'`. */
  field?: string;
  /** Tells which versions have not been deleted by themselves yet. Default: the machine's. */
  clock?: Clock;
}

interface VersionEntry {
  readonly number: string;
  readonly createdAt: Date;
  /** When it will be deleted by itself. */
  readonly deletedAt: Date | undefined;
}

const PERMISSION =
  '"read" on the path, and on the same path with "metadata" for "data"; or the token has ended: renewing it is up to the client';
const DEFAULT_FIELDS = ['set', 'secret'];

/**
 * A secret in Vault or OpenBao, KV version 2: the newest version is the current one, the one before it the previous one. Versions that
 * were deleted or destroyed are passed over, and one that will be deleted by itself (`delete_version_after`) is accepted until then.
 *
 * A change is seen at the next reload: after `intervalSeconds` (300) at the latest, or at the first delivery that no key matches. An answer
 * whose newest version is older than one seen before, from a replica that lags behind, is refused as stale. Needs `read` on `…/data/…` and `…/metadata/…`,
 * and a client that keeps its token alive.
 *
 * Loading fails with `ERR_WEBHOOK_PROVIDER_FAILED` where the secret is missing, may not be read or is stale, and
 * `ERR_WEBHOOK_SECRETS_INVALID` where its field is of another form.
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
  checkKeys('vaultSecrets()', options, ['client', 'path', 'field', 'clock', ...FORMAT_OPTIONS]);
  const { client, path, clock = systemClock } = options;
  if (typeof client?.read !== 'function') {
    throw configError('vaultSecrets() wants "client": one with read(), such as that of node-vault.');
  }
  if (typeof path !== 'string' || !/^[^/?#][^?#]*\/data\/[^?#]+$/.test(path)) {
    throw configError(
      'vaultSecrets() wants "path" as the API of KV version 2 has it, with "data" after the mount: secret/data/webhooks/acme.',
    );
  }
  const format = readFormat(options);
  const name = `Vault secret ${path}`;
  const place = `The ${name}`;
  const { field } = options;
  if (field !== undefined && (typeof field !== 'string' || field === '')) {
    throw configError('vaultSecrets() wants "field" as a name.');
  }
  const fields = field === undefined ? DEFAULT_FIELDS : [field];
  const where = `${place}, field "${fields.join('" or "')}",`;
  if (typeof clock?.now !== 'function') throw configError('"clock" must be a clock with now().');
  const seen = new SeenVersions(place);

  async function read(what: string): Promise<object> {
    try {
      return child(await client.read(what), 'data');
    } catch (error) {
      const status = Reflect.get(child(error, 'response'), 'statusCode');
      if (status === 404) throw nothingStored(place, 'Check the path, and that the mount is KV version 2.');
      if (status === 403) throw refusedRead(place, PERMISSION);
      throw error;
    }
  }

  async function readVersion({
    number,
    createdAt,
    deletedAt,
  }: VersionEntry): Promise<StoredVersion | undefined> {
    const secret = child(await read(`${path}?version=${number}`), 'data');
    const value: unknown = fields.map((one) => Reflect.get(secret, one)).find((one) => one !== undefined);
    if (value === undefined) return undefined;
    if (typeof value !== 'string')
      throw nothingStored(where, 'Store the secret, or the set as JSON, as text.');
    return { value, since: createdAt, notAfter: deletedAt };
  }

  return {
    name,
    async load() {
      const versions = Reflect.get(await read(path.replace('/data/', '/metadata/')), 'versions');
      const [last] = numbersOf(versions);
      seen.check(last, last === undefined ? undefined : Number(last));
      const [newest, older] = usable(versions, clock.now());
      if (newest === undefined) throw nothingStored(place, 'Every version is deleted: write a new one.');
      const current = await readVersion(newest);
      if (current === undefined) throw nothingStored(where, 'Check "field".');
      if (holdsSet(format, current.value)) return setOfJson(where, current.value, newest.number);
      // One from before the secret was kept in this field has none.
      const previous = older && format.retainMs !== 0 ? await readVersion(older) : undefined;
      return setOfVersions(where, format, { current, previous, version: newest.number });
    },
  };
}

/** Newest first. */
function numbersOf(versions: unknown): string[] {
  return Object.keys(Object(versions)).sort((a, b) => Number(b) - Number(a));
}

/** Those that can be read, newest first. */
function usable(versions: unknown, now: number): VersionEntry[] {
  return numbersOf(versions).flatMap((number) => {
    const entry = child(versions, number) as {
      created_time?: unknown;
      deletion_time?: unknown;
      destroyed?: unknown;
    };
    const createdAt = new Date(String(entry.created_time));
    const deletedAt = entry.deletion_time ? new Date(String(entry.deletion_time)) : undefined;
    // With `delete_version_after` every version has one, in the future.
    const isDeleted = deletedAt !== undefined && deletedAt.getTime() <= now;
    return entry.destroyed === true || isDeleted ? [] : [{ number, createdAt, deletedAt }];
  });
}

function child(value: unknown, name: string): object {
  const found: unknown = value !== null && typeof value === 'object' ? Reflect.get(value, name) : undefined;
  return found !== null && typeof found === 'object' ? found : {};
}
