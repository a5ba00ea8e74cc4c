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

interface AzureProperties {
  version?: string | undefined;
  enabled?: boolean | undefined;
  notBefore?: Date | undefined;
  expiresOn?: Date | undefined;
  createdOn?: Date | undefined;
}

/** What of Azure's client is used: `new SecretClient()` of `@azure/keyvault-secrets` has it. */
export interface AzureSecretsClient {
  listPropertiesOfSecretVersions(
    name: string,
    options?: { abortSignal?: AbortSignal },
  ): AsyncIterable<AzureProperties>;
  getSecret(
    name: string,
    options?: { version?: string; abortSignal?: AbortSignal },
  ): Promise<{ value?: string | undefined }>;
}

/** Options of {@link azureSecrets}. */
export interface AzureSecretsOptions extends StoredValueOptions {
  /** `new SecretClient(vaultUrl, credential)`; it stays yours. */
  client: AzureSecretsClient;
  /** The name of the secret. */
  secret: string;
  /** Tells which versions are active. Default: the machine's. */
  clock?: Clock;
}

type VersionEntry = AzureProperties & { readonly version: string; readonly createdOn: Date };

const PERMISSION = 'the role Key Vault Secrets User, or the access policies "get" and "list" of secrets';

/**
 * A secret in Azure Key Vault. Of the enabled versions that have not expired, the newest one whose `notBefore` has come is the current
 * one, the one made before it the previous one; newer ones whose `notBefore` is ahead are `next`, the first of them only. `notBefore` and
 * `expires` hold at the moment of a request, between reloads too.
 *
 * A change is seen at the next reload: after `intervalSeconds` (300) at the latest, or at the first delivery that no key matches. A list
 * whose newest version is older than one seen before is refused as stale. To drop a replaced secret, disable its version. Needs `get`
 * and `list` of secrets (the role Key Vault Secrets User).
 *
 * Loading fails with `ERR_WEBHOOK_PROVIDER_FAILED` where the secret is missing, may not be read or is stale, and
 * `ERR_WEBHOOK_SECRETS_INVALID` where its value is of another form.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @see https://learn.microsoft.com/en-us/azure/key-vault/secrets/about-secrets
 * @example
 * ```ts
 * import { DefaultAzureCredential } from '@azure/identity'
 * import { SecretClient } from '@azure/keyvault-secrets'
 *
 * const client = new SecretClient('https://acme.vault.azure.net', new DefaultAzureCredential())
 * createVerifier({ scheme: polyai(), secrets: azureSecrets({ client, secret: 'polyai' }) })
 * ```
 */
export function azureSecrets(options: AzureSecretsOptions): SecretProvider {
  checkKeys('azureSecrets()', options, ['client', 'secret', 'clock', ...FORMAT_OPTIONS]);
  const { client, secret, clock = systemClock } = options;
  if (
    typeof client?.listPropertiesOfSecretVersions !== 'function' ||
    typeof client.getSecret !== 'function'
  ) {
    throw configError('azureSecrets() wants "client" as new SecretClient(vaultUrl, credential).');
  }
  if (typeof secret !== 'string' || !/^[0-9A-Za-z-]{1,127}$/.test(secret)) {
    throw configError('azureSecrets() wants "secret": the name of the secret in the vault.');
  }
  if (typeof clock?.now !== 'function') throw configError('"clock" must be a clock with now().');
  const format = readFormat(options);
  const name = `Azure secret ${secret}`;
  const place = `The ${name}`;
  const seen = new SeenVersions(place);

  async function ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const status: unknown = error instanceof Error ? Reflect.get(error, 'statusCode') : undefined;
      if (status === 404) throw nothingStored(place, 'Check "secret" and the address of the vault.');
      if (status === 401 || status === 403) throw refusedRead(place, PERMISSION);
      throw error;
    }
  }

  async function list(signal: AbortSignal): Promise<VersionEntry[]> {
    const versions: VersionEntry[] = [];
    for await (const properties of client.listPropertiesOfSecretVersions(secret, { abortSignal: signal })) {
      const { version = '', createdOn = new Date(0) } = properties;
      versions.push({ ...properties, version, createdOn });
    }
    return versions.sort((a, b) => b.createdOn.getTime() - a.createdOn.getTime());
  }

  async function readVersion(entry: VersionEntry, signal: AbortSignal): Promise<StoredVersion> {
    const { version, createdOn, notBefore, expiresOn } = entry;
    const { value = '' } = await ask(() => client.getSecret(secret, { version, abortSignal: signal }));
    const since = notBefore !== undefined && notBefore > createdOn ? notBefore : createdOn;
    return { value, since, notBefore, notAfter: expiresOn };
  }

  return {
    name,
    async load({ signal }) {
      const versions = await ask(() => list(signal));
      const [last] = versions;
      seen.check(last?.version, last?.createdOn.getTime());
      const now = clock.now();
      const alive = versions.filter(
        ({ enabled, expiresOn }) => enabled !== false && (expiresOn?.getTime() ?? Infinity) > now,
      );
      const isAhead = ({ notBefore }: VersionEntry) => (notBefore?.getTime() ?? 0) > now;
      const at = alive.findIndex((version) => !isAhead(version));
      const newest = alive[at];
      if (newest === undefined) throw nothingStored(place, 'Add a version, or enable one.');
      const current = await readVersion(newest, signal);
      if (holdsSet(format, current.value)) return setOfJson(place, current.value, newest.version);
      const older = alive.slice(at + 1).find((one) => !isAhead(one));
      const [upcoming] = alive.slice(0, at).sort((a, b) => Number(a.notBefore) - Number(b.notBefore));
      const previous = older && format.retainMs !== 0 ? await readVersion(older, signal) : undefined;
      const next = upcoming && (await readVersion(upcoming, signal));
      return setOfVersions(place, format, { current, previous, next, version: newest.version });
    },
  };
}
