import type { IncomingMessage, ServerResponse } from 'node:http';
import { isLoopbackAddress } from './access.ts';

/** Handles the requests below a path, and passes all others on. Without `next`, others get 404. */
export type NodeListener = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void;

/** A fetch handler as a listener for Node's servers. The inspector's requests have no bodies, so none is passed on. */
export function nodeListener(
  handle: (request: Request) => Promise<Response>,
  { mountPath, remote }: { mountPath: string; remote: boolean },
): NodeListener {
  return (request, response, next) => {
    const { originalUrl, url = '/' } = request as IncomingMessage & { originalUrl?: string };
    const target = originalUrl ?? url;
    if (!target.startsWith(mountPath)) {
      if (next === undefined) response.writeHead(404).end();
      else next();
      return;
    }
    if (!remote && !isLoopbackAddress(request.socket.remoteAddress)) {
      response.writeHead(403).end('The inspector is only shown on this machine.\n');
      return;
    }
    respond(handle, request, response, target).catch((error: unknown) => {
      if (!response.headersSent && next !== undefined) next(error);
      else response.destroy();
    });
  };
}

async function respond(
  handle: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  response: ServerResponse,
  target: string,
): Promise<void> {
  const protocol = 'encrypted' in incoming.socket ? 'https' : 'http';
  const headers = new Headers();
  for (const name of ['host', 'origin', 'sec-fetch-site']) {
    const value = incoming.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  let url: URL;
  try {
    url = new URL(target, `${protocol}://${incoming.headers.host ?? ''}`);
  } catch {
    response.writeHead(400).end();
    return;
  }
  const answer = await handle(new Request(url, { method: incoming.method ?? 'GET', headers }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.flushHeaders();
  const reader = answer.body?.getReader();
  response.once('close', () => void reader?.cancel().catch(() => undefined));
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    if (!response.write(value)) await untilDrained(response);
  }
  response.end();
}

/** Resolves when more can be written, or when nobody reads any more. */
function untilDrained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
