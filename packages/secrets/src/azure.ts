import type { Clock, SecretProvider } from '@countersign/core';
import { checkClock, checkKeys, configError, providerError, systemClock } from '@countersign/core/extend';
import { SeenVersions } from './seen-versions.ts';
import {
  FORMAT_OPTIONS,
  failedRead,
  failureOf,
  fieldOf,
  isSet,
  nothingStored,
  otherFieldOf,
  readFormat,
  refusedRead,
  type StoredValueOptions,
  type StoredVersion,
  setOfJson,
  setOfVersions,
  throttled,
} from './stored-value.ts';

interface AzureProperties {
  version?: string | undefined;
  enabled?: boolean | undefined;
  notBefore?: Date | undefined;
  expiresOn?: Date | undefined;
  createdOn?: Date | undefined;
}

/** The part of Azure's client that is used: `new SecretClient()` of `@azure/keyvault-secrets` has it. */
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
  /** `new SecretClient(vaultUrl, credential)`. You configure it. */
  client: AzureSecretsClient;
  /** The name of the secret. */
  secret: string;
  /** The time by which versions are active. Default: the machine's clock. */
  clock?: Clock;
}

type VersionEntry = AzureProperties & { readonly version: string; readonly createdOn: Date };

const PERMISSION = 'the role Key Vault Secrets User, or the access policies "get" and "list" of secrets';

/**
 * A secret in Azure Key Vault. Of the enabled versions that have not expired, the newest one whose `notBefore` has come is the
 * current one, and the one made before it is the previous one. Of newer versions whose `notBefore` is ahead, the one whose time
 * comes first is `next`. `notBefore` and `expires` are compared with the clock at each request, between reloads too.
 *
 * A change takes effect at the next reload: after `intervalSeconds` (300) at the latest, or at the first delivery that matches no
 * key. A list whose newest version is older than one seen before is refused as stale. To drop a replaced secret, disable its
 * version. Needs `get` and `list` of secrets (the role Key Vault Secrets User).
 *
 * If the secret does not exist or has no usable version, nothing is accepted after that load. Loading fails with
 * `ERR_WEBHOOK_PROVIDER_FAILED` if Azure can't be asked, refuses or throttles the call, or returns a stale list, and with
 * `ERR_WEBHOOK_SECRETS_INVALID` if the value can't be used; then the last good set stays in use.
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
  options = checkKeys('azureSecrets()', options, ['client', 'secret', 'clock', ...FORMAT_OPTIONS]);
  checkClock(options.clock);
  const { client, secret, clock = systemClock } = options;
  if (
    typeof client?.listPropertiesOfSecretVersions !== 'function' ||
    typeof client.getSecret !== 'function'
  ) {
    throw configError('"client" of azureSecrets() must be new SecretClient(vaultUrl, credential).');
  }
  if (typeof secret !== 'string' || !/^[0-9A-Za-z-]{1,127}$/.test(secret)) {
    throw configError('"secret" of azureSecrets() must be the name of the secret in the vault.');
  }
  const format = readFormat(options);
  const name = `Azure secret ${secret}`;
  const location = `The ${name}`;
  const seen = new SeenVersions(location);

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
    const since = notBefore !== undefined && notBefore > createdOn ? notBefore : createdOn;
    try {
      const { value = '' } = await client.getSecret(secret, { version, abortSignal: signal });
      return { value, since, notBefore, notAfter: expiresOn };
    } catch (error) {
      if (failureOf(error).status === 404) {
        throw providerError(`${location} changed while it was read. The provider reads it again soon.`);
      }
      throw explain(location, error);
    }
  }

  async function listVersions(signal: AbortSignal): Promise<VersionEntry[]> {
    try {
      const versions = await list(signal);
      // A secret that does not exist has an empty list, but so may an outdated list. Getting the secret itself shows which it is.
      if (versions.length === 0) await client.getSecret(secret, { abortSignal: signal });
      return versions;
    } catch (error) {
      throw explain(location, error);
    }
  }

  return {
    name,
    inTurn: true,
    async load({ signal }) {
      const versions = await listVersions(signal);
      const [last] = versions;
      seen.check(last && { version: last.version, createdAt: last.createdOn });
      const now = clock.now();
      const alive = versions.filter(
        ({ enabled, expiresOn }) => enabled !== false && (expiresOn?.getTime() ?? Infinity) > now,
      );
      const isAhead = ({ notBefore }: VersionEntry) => (notBefore?.getTime() ?? 0) > now;
      const at = alive.findIndex((version) => !isAhead(version));
      const newest = alive[at];
      if (newest === undefined) throw nothingStored(location, 'Add a version, or enable one.');
      const current = fieldOf(location, format, await readVersion(newest, signal));
      if (isSet(format, current.value)) return setOfJson(location, current.value, newest.version);
      const older = alive.slice(at + 1).find((one) => !isAhead(one));
      const [upcoming] = alive.slice(0, at).sort((a, b) => Number(a.notBefore) - Number(b.notBefore));
      const readOther = async (entry: VersionEntry) =>
        otherFieldOf(location, format, await readVersion(entry, signal));
      const previous = older && format.retainMs !== 0 ? await readOther(older) : undefined;
      const next = upcoming && (await readOther(upcoming));
      return setOfVersions(location, format, { current, previous, next, version: newest.version });
    },
  };
}

/** Names the cause, but nothing from the response. */
function explain(location: string, error: unknown): unknown {
  const failure = failureOf(error);
  const { status } = failure;
  if (status === 404) return nothingStored(location, 'Check "secret" and the URL of the vault.');
  if (status === 403) return refusedRead(location, PERMISSION);
  const isCredential =
    error instanceof Error && /^(?:Aggregate)?(?:Authentication|CredentialUnavailable)/.test(error.name);
  if (status === 401 || isCredential) {
    const what = 'refuses the credential of the client. Check that it is valid for this vault';
    return failedRead(location, 'Azure', what, failure);
  }
  if (status === 429) return throttled(location, 'Azure', failure);
  if (status !== undefined && status >= 500)
    return failedRead(location, 'Azure', 'fails. The provider tries again soon', failure);
  return error;
}
