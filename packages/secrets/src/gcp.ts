import type { SecretProvider } from '@countersign/core';
import { checkKeys, configError, providerError } from '@countersign/core/extend';
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
  textOfBytes,
} from './stored-value.ts';

interface GcpVersion {
  name?: string | null;
  state?: unknown;
  createTime?: { seconds?: unknown } | null;
}

/** What of Google's client is used: `new SecretManagerServiceClient()` of `@google-cloud/secret-manager` has it. */
export interface GcpSecretsClient {
  listSecretVersions(request: { parent: string }): Promise<[GcpVersion[], ...unknown[]]>;
  accessSecretVersion(request: {
    name: string;
  }): Promise<[{ payload?: { data?: string | Uint8Array | null } | null }, ...unknown[]]>;
}

/** Options of {@link gcpSecrets}. */
export interface GcpSecretsOptions extends StoredValueOptions {
  /** `new SecretManagerServiceClient()`; it stays yours. */
  client: GcpSecretsClient;
  /** The secret's resource name: `projects/acme/secrets/polyai`. */
  secret: string;
}

interface VersionEntry {
  readonly name: string;
  readonly number: string;
  readonly enabled: boolean;
  readonly since: Date | undefined;
}

// The client's codes are those of gRPC, and those of HTTP in its REST mode.
const NOT_FOUND: readonly unknown[] = [5, 404];
const PERMISSION_DENIED: readonly unknown[] = [7, 403];
const PERMISSION = 'secretmanager.versions.list and secretmanager.versions.access on it';
const ENABLED = 1;

/**
 * A secret in Google Cloud Secret Manager: of the enabled versions, the one with the highest number is the current one, the next lower
 * one the previous one. The alias `latest` is never asked: it names a version even where that is disabled, and may lag behind.
 *
 * A change is seen at the next reload: after `intervalSeconds` (300) at the latest, or at the first delivery that no key matches. Google's
 * lists are eventually consistent: one whose newest version is older than one seen before is refused as stale. To drop a replaced secret, disable
 * its version. Needs `secretmanager.versions.list` and `secretmanager.versions.access` (the roles Secret Manager Viewer and
 * Secret Accessor).
 *
 * Loading fails with `ERR_WEBHOOK_PROVIDER_FAILED` where the secret is missing, may not be read or is stale, and
 * `ERR_WEBHOOK_SECRETS_INVALID` where its value is of another form.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @see https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions
 * @example
 * ```ts
 * import { SecretManagerServiceClient } from '@google-cloud/secret-manager'
 *
 * const client = new SecretManagerServiceClient()
 * createVerifier({ scheme: polyai(), secrets: gcpSecrets({ client, secret: 'projects/acme/secrets/polyai' }) })
 * ```
 */
export function gcpSecrets(options: GcpSecretsOptions): SecretProvider {
  checkKeys('gcpSecrets()', options, ['client', 'secret', ...FORMAT_OPTIONS]);
  const { client, secret } = options;
  if (typeof client?.listSecretVersions !== 'function' || typeof client.accessSecretVersion !== 'function') {
    throw configError('gcpSecrets() wants "client" as new SecretManagerServiceClient().');
  }
  if (
    typeof secret !== 'string' ||
    !/^projects\/[^/]+(?:\/locations\/[^/]+)?\/secrets\/[^/]+$/.test(secret)
  ) {
    throw configError(
      'gcpSecrets() wants "secret" as a resource name without a version: projects/acme/secrets/polyai.',
    );
  }
  const format = readFormat(options);
  const name = `GCP secret ${secret}`;
  const place = `The ${name}`;
  const seen = new SeenVersions(place);

  async function ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
      if (NOT_FOUND.includes(code)) throw nothingStored(place, 'Check "secret".');
      if (PERMISSION_DENIED.includes(code)) throw refusedRead(place, PERMISSION);
      throw error;
    }
  }

  async function readVersion({ name: version, since }: VersionEntry): Promise<StoredVersion> {
    const [{ payload }] = await ask(() => client.accessSecretVersion({ name: version }));
    const data = payload?.data ?? new Uint8Array();
    // Text could be the secret, or its bytes in base64 as JSON has them.
    if (typeof data === 'string')
      throw providerError(`${place}: "client" gives payloads as text, not bytes.`);
    return { value: textOfBytes(place, data), since };
  }

  return {
    name,
    async load() {
      const [listed] = await ask(() => client.listSecretVersions({ parent: secret }));
      const versions = listed.map(entryOf).sort((a, b) => Number(b.number) - Number(a.number));
      const [last] = versions;
      seen.check(last?.number, last && Number(last.number));
      const [newest, older] = versions.filter(({ enabled }) => enabled);
      if (newest === undefined) throw nothingStored(place, 'Add a version, or enable one.');
      const current = await readVersion(newest);
      if (holdsSet(format, current.value)) return setOfJson(place, current.value, newest.number);
      const previous = older && format.retainMs !== 0 ? await readVersion(older) : undefined;
      return setOfVersions(place, format, { current, previous, version: newest.number });
    },
  };
}

function entryOf({ name, state, createTime }: GcpVersion): VersionEntry {
  const seconds = Number(createTime?.seconds);
  return {
    name: name ?? '',
    number: /\/versions\/([0-9]+)$/.exec(name ?? '')?.[1] ?? '',
    enabled: state === ENABLED || state === 'ENABLED',
    since: Number.isFinite(seconds) && seconds > 0 ? new Date(seconds * 1000) : undefined,
  };
}
