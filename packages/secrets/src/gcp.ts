import type { SecretProvider } from '@countersign/core';
import { checkKeys, configError, providerError } from '@countersign/core/extend';
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
  textOfBytes,
  throttled,
} from './stored-value.ts';

interface GcpVersion {
  name?: string | null;
  state?: unknown;
  createTime?: { seconds?: unknown } | null;
}

/** The part of Google's client that is used: `new SecretManagerServiceClient()` of `@google-cloud/secret-manager` has it. */
export interface GcpSecretsClient {
  listSecretVersions(request: { parent: string }): Promise<[GcpVersion[], ...unknown[]]>;
  accessSecretVersion(request: {
    name: string;
  }): Promise<[{ payload?: { data?: string | Uint8Array | null } | null }, ...unknown[]]>;
}

/** Options of {@link gcpSecrets}. */
export interface GcpSecretsOptions extends StoredValueOptions {
  /** `new SecretManagerServiceClient()`. You configure and close it. */
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
const UNAUTHENTICATED: readonly unknown[] = [16, 401];
const EXHAUSTED: readonly unknown[] = [8, 429];
const FAILING: readonly unknown[] = [4, 13, 14, 500, 502, 503, 504];
/** A version was disabled or destroyed after it was listed. */
const CHANGED: readonly unknown[] = [5, 9, 400, 404];
const PERMISSION = 'secretmanager.versions.list and secretmanager.versions.access on it';
const ENABLED = 1;

/**
 * A secret in Google Cloud Secret Manager: of the enabled versions, the one with the highest number is the current one, the next
 * lower one the previous one. The alias `latest` is never used: it names a version even if that is disabled, and may be outdated.
 *
 * A change takes effect at the next reload: after `intervalSeconds` (300) at the latest, or at the first delivery that matches no
 * key. Google's lists are eventually consistent: a list whose newest version is older than one seen before is refused as stale.
 * To drop a replaced secret, disable its version. Needs `secretmanager.versions.list` and `secretmanager.versions.access` (the
 * roles Secret Manager Viewer and Secret Accessor).
 *
 * If the secret does not exist or has no usable version, nothing is accepted after that load. Loading fails with
 * `ERR_WEBHOOK_PROVIDER_FAILED` if Google can't be asked, refuses or throttles the call, or returns a stale list, and with
 * `ERR_WEBHOOK_SECRETS_INVALID` if the value can't be used; then the last good set stays in use.
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
  options = checkKeys('gcpSecrets()', options, ['client', 'secret', ...FORMAT_OPTIONS]);
  const { client, secret } = options;
  if (typeof client?.listSecretVersions !== 'function' || typeof client.accessSecretVersion !== 'function') {
    throw configError('"client" of gcpSecrets() must be new SecretManagerServiceClient().');
  }
  if (
    typeof secret !== 'string' ||
    !/^projects\/[^/]+(?:\/locations\/[^/]+)?\/secrets\/[^/]+$/.test(secret)
  ) {
    throw configError(
      '"secret" of gcpSecrets() must be a resource name without a version: projects/acme/secrets/polyai.',
    );
  }
  const format = readFormat(options);
  const name = `GCP secret ${secret}`;
  const location = `The ${name}`;
  const seen = new SeenVersions(location);

  async function readVersion({ name: version, since }: VersionEntry): Promise<StoredVersion> {
    const data = await access(version);
    // Text could be the secret, or its bytes in base64 as JSON has them.
    if (typeof data === 'string') {
      throw providerError(`${location}: "client" returns payloads as text. It must return bytes.`);
    }
    return { value: textOfBytes(location, data), since };
  }

  async function access(version: string): Promise<string | Uint8Array> {
    try {
      const [{ payload }] = await client.accessSecretVersion({ name: version });
      return payload?.data ?? new Uint8Array();
    } catch (error) {
      if (CHANGED.includes(codeOf(error))) {
        throw providerError(`${location} changed while it was read. The provider reads it again soon.`);
      }
      throw explain(location, error);
    }
  }

  async function list(): Promise<VersionEntry[]> {
    try {
      const [versions] = await client.listSecretVersions({ parent: secret });
      return versions.map(entryOf).sort((a, b) => Number(b.number) - Number(a.number));
    } catch (error) {
      throw explain(location, error);
    }
  }

  return {
    name,
    inTurn: true,
    async load() {
      const versions = await list();
      const [last] = versions;
      seen.check(last && { version: last.number, number: Number(last.number), createdAt: last.since });
      const [newest, older] = versions.filter(({ enabled }) => enabled);
      if (newest === undefined) throw nothingStored(location, 'Add a version, or enable one.');
      const current = fieldOf(location, format, await readVersion(newest));
      if (isSet(format, current.value)) return setOfJson(location, current.value, newest.number);
      const previous =
        older && format.retainMs !== 0 ? otherFieldOf(location, format, await readVersion(older)) : undefined;
      return setOfVersions(location, format, { current, previous, version: newest.number });
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

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, 'code') : undefined;
}

/** Names the cause, but nothing from the response. */
function explain(location: string, error: unknown): unknown {
  const code = codeOf(error);
  const { retryAfterSeconds } = failureOf(error);
  const failure = { status: typeof code === 'number' ? code : undefined, retryAfterSeconds };
  if (NOT_FOUND.includes(code)) return nothingStored(location, 'Check "secret".');
  if (PERMISSION_DENIED.includes(code)) return refusedRead(location, PERMISSION);
  if (EXHAUSTED.includes(code)) return throttled(location, 'Google', failure);
  if (UNAUTHENTICATED.includes(code)) {
    const what = 'refuses the credentials of the client. Check that they exist and have not expired';
    return failedRead(location, 'Google', what, failure);
  }
  if (FAILING.includes(code))
    return failedRead(location, 'Google', 'fails. The provider tries again soon', failure);
  return error;
}
