import { type FaultySource, startSource } from './faulty-source.ts';

/** Ada's get-secret endpoint for one webhook, on the loopback address. */
export interface AdaServer extends FaultySource {
  key: string;
  /** The only token that is let in. */
  token: string;
  /** Answers a call in place of the endpoint. */
  instead: { status: number; body: string; headers?: Record<string, string> } | undefined;
  /** The headers of the last call. */
  headers: NodeJS.Dict<string | string[]>;
}

export const WEBHOOK_ID = 'ep_2f1';

export async function startAdaServer(): Promise<AdaServer> {
  const source = await startSource(({ request, answer }, fault) => {
    server.headers = request.headers;
    const { key, instead } = server;
    if (instead !== undefined) return answer(instead.status, instead.body, instead.headers);
    if (fault === 'forbidden' || request.headers.authorization !== `Bearer ${server.token}`) {
      return answer(401, { detail: 'Unauthorized' });
    }
    const isKnown = request.url === `/api/v2/webhooks/${WEBHOOK_ID}/secret/` && request.method === 'GET';
    if (fault === 'missing' || !isKnown) return answer(404, { detail: 'Not found' });
    if (fault === 'broken') return answer(500, { detail: `internal: ${key}` });
    if (fault === 'garbage') return answer(200, `<html>${key}</html>`, { 'Content-Type': 'text/html' });
    answer(200, { key });
  });
  const server: AdaServer = Object.assign(source, {
    key: '',
    token: 'ada-token',
    instead: undefined,
    headers: {},
  });
  return server;
}
