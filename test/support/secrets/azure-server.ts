import { randomUUID } from 'node:crypto';
import { SecretClient } from '@azure/keyvault-secrets';
import { type FaultySource, startSource } from './faulty-source.ts';

interface AzureVersion {
  readonly id: string;
  value: string;
  enabled: boolean;
  notBefore?: Date;
  expires?: Date;
  readonly createdAt: Date;
}

/** Azure Key Vault as far as one secret goes, on the loopback address: its REST API, behind its challenge for a token. */
export interface AzureServer extends FaultySource {
  /** The real client. */
  readonly client: SecretClient;
  /** Oldest first. */
  readonly versions: AzureVersion[];
  /** How many of the newest versions lists don't show yet. */
  lag: number;
  /** The time at the vault; a second goes by with each version. */
  now: Date;
  /** Called with each call, before it gets a response. */
  onCall: (() => void) | undefined;
  /** What tokens must be asked for. */
  readonly scopes: string[];
  /** Sets the secret, as `az keyvault secret set` does. */
  put(value: string, about?: { notBefore?: Date; expires?: Date }): AzureVersion;
}

export const SECRET = 'polyai';
const PAGE = 2;
const CHALLENGE =
  'Bearer authorization="https://login.microsoftonline.com/00000000-0000-4000-8000-000000000000", resource="https://vault.azure.net"';

export async function startAzureServer(): Promise<AzureServer> {
  const versions: AzureVersion[] = [];
  const refusal = (code: string, message: string) => ({ error: { code, message } });

  const source = await startSource(({ request, answer }, fault) => {
    const { pathname, searchParams } = new URL(request.url ?? '', server.url);
    server.onCall?.();
    if (request.headers.authorization !== 'Bearer test') {
      const body = refusal('Unauthorized', 'AKV10000: Request is missing a Bearer or PoP token.');
      return answer(401, body, { 'WWW-Authenticate': CHALLENGE });
    }
    const shown = versions.at(-1)?.value;
    if (fault === 'forbidden')
      return answer(403, refusal('Forbidden', 'The user does not have secrets get permission.'));
    if (fault === 'broken') return answer(500, refusal('InternalError', `internal: ${shown}`));
    if (fault === 'garbage') return answer(200, `<html>${shown}</html>`, { 'Content-Type': 'text/html' });
    const [, kind, name, id] = pathname.split('/');
    if (fault === 'missing' || kind !== 'secrets' || name !== SECRET || versions.length === 0) {
      const message = `A secret with (name/id) ${name}/${id} was not found in this key vault.`;
      return answer(404, refusal('SecretNotFound', message));
    }
    if (id === 'versions') {
      // In no order that means anything, as the service does it.
      const listed = versions
        .slice(0, versions.length - server.lag)
        .toSorted((a, b) => a.id.localeCompare(b.id));
      const start = Number(searchParams.get('$skiptoken') ?? 0);
      const nextLink =
        start + PAGE >= listed.length
          ? null
          : `${server.url}${pathname}?api-version=${searchParams.get('api-version')}&$skiptoken=${start + PAGE}`;
      return answer(200, { value: listed.slice(start, start + PAGE).map(aboutOf), nextLink });
    }
    const version = versions.find((one) => one.id === id);
    if (version === undefined) return answer(404, refusal('SecretNotFound', 'not found'));
    if (!version.enabled) {
      return answer(403, refusal('Forbidden', 'Operation get is not allowed on a disabled secret.'));
    }
    answer(200, { value: version.value, ...aboutOf(version) });
  });

  const seconds = (date: Date | undefined) =>
    date === undefined ? undefined : Math.floor(date.getTime() / 1000);
  const aboutOf = ({ id, enabled, notBefore, expires, createdAt }: AzureVersion) => ({
    id: `${source.url}/secrets/${SECRET}/${id}`,
    attributes: {
      enabled,
      nbf: seconds(notBefore),
      exp: seconds(expires),
      created: seconds(createdAt),
      updated: seconds(createdAt),
      recoveryLevel: 'Recoverable+Purgeable',
    },
  });

  const scopes: string[] = [];
  const credential = {
    async getToken(asked: string | string[]) {
      scopes.push(...[asked].flat());
      return { token: 'test', expiresOnTimestamp: Date.now() + 86_400_000 };
    },
  };
  const client = new SecretClient(source.url, credential, {
    // The address is not below vault.azure.net, and has no certificate.
    disableChallengeResourceVerification: true,
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 0 },
  });
  const server: AzureServer = Object.assign(source, {
    client,
    versions,
    lag: 0,
    onCall: undefined,
    now: new Date('2030-01-01T00:00:00Z'),
    scopes,
    put(value: string, about: { notBefore?: Date; expires?: Date } = {}) {
      server.now = new Date(server.now.getTime() + 1000);
      const id = randomUUID().replaceAll('-', '');
      const version = { id, value, enabled: true, createdAt: server.now, ...about };
      versions.push(version);
      return version;
    },
  });
  return server;
}
