import { checkKeys, configError } from '@countersign/core/extend';
import type { RotationTarget } from '../target.ts';
import { parseSet } from './set-text.ts';

/** The part of a client of Vault or OpenBao that is used: `node-vault` has it. */
export interface VaultClient {
  read(path: string): Promise<unknown>;
  write(path: string, data: unknown): Promise<unknown>;
}

/** How often a keyring reloads its set by default. */
const POLL_SECONDS = 300;

/**
 * A secret in Vault or OpenBao, KV version 2. One of its fields contains a set as JSON; other fields stay as they are. Each write
 * names the version that it replaces (check-and-set), so that two writers can't overwrite each other.
 *
 * Needs a policy with `read`, `create` and `update` on the path. `rotate()` needs a `journal` that everything that rotates this
 * secret shares.
 *
 * @param options.path The path in the API: `secret/data/webhooks/anchor`.
 * @param options.field Default: `'set'`.
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * const target = vaultTarget({ client: vault({ endpoint, token }), path: 'secret/data/webhooks/anchor' })
 * await rotate({ vendor, target, journal: '/var/lib/rotation/anchor' })
 * ```
 */
export function vaultTarget(options: { client: VaultClient; path: string; field?: string }): RotationTarget {
  options = checkKeys('vaultTarget()', options, ['client', 'path', 'field']);
  const { client, path, field = 'set' } = options;
  if (typeof client?.read !== 'function' || typeof client.write !== 'function') {
    throw configError(
      '"client" of vaultTarget() must have read() and write(). Pass the client of node-vault, or one like it.',
    );
  }
  if (typeof path !== 'string' || !/^[^/].*\/data\/./.test(path)) {
    throw configError(
      '"path" of vaultTarget() must be a path in the API of KV version 2, with "data" after the mount: secret/data/webhooks/anchor.',
    );
  }
  if (typeof field !== 'string' || field === '')
    throw configError('"field" of vaultTarget() must be the name of a field.');
  const name = `Vault secret ${path}`;

  async function load(): Promise<{ fields: Record<string, unknown>; version: number } | undefined> {
    let response: unknown;
    try {
      response = await client.read(path);
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
    const secret = child(response, 'data');
    const version = Reflect.get(child(secret, 'metadata'), 'version');
    return { fields: { ...child(secret, 'data') }, version: typeof version === 'number' ? version : 0 };
  }

  return {
    name,
    pollSeconds: POLL_SECONDS,
    async read() {
      const loaded = await load();
      return loaded === undefined ? undefined : parseSet(loaded.fields[field], `${name}, field "${field}",`);
    },
    async write(set) {
      const loaded = await load();
      await client.write(path, {
        data: { ...loaded?.fields, [field]: JSON.stringify(set) },
        ...(loaded === undefined ? {} : { options: { cas: loaded.version } }),
      });
    },
  };
}

function child(value: unknown, name: string): object {
  const found: unknown = value !== null && typeof value === 'object' ? Reflect.get(value, name) : undefined;
  return found !== null && typeof found === 'object' ? found : {};
}

function statusOf(error: unknown): unknown {
  return Reflect.get(child(error, 'response'), 'statusCode');
}
