import vault from 'node-vault';
import { type FaultySource, startSource } from './faulty-source.ts';

interface VaultVersion {
  fields: Record<string, unknown>;
  createdAt: string;
  /** Empty: not deleted. In the future with `delete_version_after`. */
  deletedAt: string;
  destroyed: boolean;
}

/** KV version 2 of Vault, and of OpenBao, as far as one secret goes, on the loopback address. */
export interface VaultServer extends FaultySource {
  /** The real client. */
  readonly client: ReturnType<typeof vault>;
  /** Every version that the server still lists, by number. */
  readonly versions: Map<number, VaultVersion>;
  /** How many of the next writes are refused. */
  refuseWrites: number;
  /** The only token that is let in. */
  token: string;
  /** When what is written next is dated. */
  now: Date;
  /** `max_versions` of the secret. */
  maxVersions: number;
  /** `delete_version_after` of the secret. */
  deleteAfterMs: number | undefined;
  /** Called after each response. */
  onRead: ((path: string) => void) | undefined;
  /** Writes a version, as `vault kv put` does. */
  put(fields: Record<string, unknown>): VaultVersion;
  /** The fields of each version, oldest first. */
  fields(): Record<string, unknown>[];
}

export const PATH = 'secret/data/webhooks/anchor';
const METADATA = '/v1/secret/metadata/webhooks/anchor';

export async function startVaultServer(first?: Record<string, unknown>): Promise<VaultServer> {
  const versions: VaultServer['versions'] = new Map();
  const newest = (): number => Math.max(0, ...versions.keys());
  const isGone = ({ destroyed, deletedAt }: VaultVersion): boolean =>
    destroyed || (deletedAt !== '' && new Date(deletedAt) <= server.now);
  const aboutOf = ({ createdAt, deletedAt, destroyed }: VaultVersion) => ({
    created_time: createdAt,
    deletion_time: deletedAt,
    destroyed,
  });

  const source = await startSource(({ request, text, answer }, fault) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://vault');
    const shown = JSON.stringify(versions.get(newest())?.fields ?? {});
    if (request.headers['x-vault-token'] !== server.token || fault === 'forbidden') {
      return answer(403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] });
    }
    if (fault === 'broken') return answer(500, { errors: [`internal error: ${shown}`] });
    if (fault === 'garbage') return answer(200, `<html>${shown}</html>`, { 'Content-Type': 'text/html' });
    if (fault === 'missing' || (pathname !== `/v1/${PATH}` && pathname !== METADATA)) {
      return answer(404, { errors: [] });
    }
    if (request.method !== 'GET') {
      const { data, options } = JSON.parse(text);
      if (server.refuseWrites > 0 && server.refuseWrites-- > 0) {
        return answer(400, { errors: [`refused: ${JSON.stringify(data)}`] });
      }
      if (options?.cas !== undefined && options.cas !== newest()) {
        return answer(400, { errors: ['check-and-set parameter did not match the current version'] });
      }
      const written = server.put(data);
      return answer(200, { data: { ...aboutOf(written), version: newest() } });
    }
    if (pathname === METADATA) {
      if (versions.size === 0) return answer(404, { errors: [] });
      const listed = [...versions].map(([number, version]) => [number, aboutOf(version)]);
      answer(200, { data: { current_version: newest(), versions: Object.fromEntries(listed) } });
    } else {
      const number = Number(searchParams.get('version') ?? 0) || newest();
      const version = versions.get(number);
      if (version === undefined) return answer(404, { errors: [] });
      const metadata = { ...aboutOf(version), version: number };
      const gone = isGone(version);
      answer(gone ? 404 : 200, { data: { data: gone ? null : version.fields, metadata } });
    }
    server.onRead?.(request.url ?? '');
  });

  const server: VaultServer = Object.assign(source, {
    client: vault({ endpoint: source.url, token: 'hvs.test' }),
    versions,
    refuseWrites: 0,
    token: 'hvs.test',
    now: new Date('2030-01-01T00:00:00Z'),
    maxVersions: 10,
    deleteAfterMs: undefined,
    onRead: undefined,
    put(fields: Record<string, unknown>) {
      const { now, deleteAfterMs } = server;
      const end = deleteAfterMs === undefined ? '' : new Date(now.getTime() + deleteAfterMs).toISOString();
      const version = { fields, createdAt: now.toISOString(), deletedAt: end, destroyed: false };
      versions.set(newest() + 1, version);
      for (const number of versions.keys()) {
        if (number <= newest() - server.maxVersions) versions.delete(number);
      }
      return version;
    },
    fields: () => [...versions.values()].map((version) => version.fields),
  });
  if (first !== undefined) server.put(first);
  return server;
}
