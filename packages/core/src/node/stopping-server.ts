import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:net';

/**
 * After `server.close()` Node keeps the connections that are in use, and a load balancer that reuses its connections would be
 * served forever. So once the server no longer listens, responses close their connection.
 */
function isStopping(incoming: IncomingMessage): boolean {
  return serverOf(incoming)?.listening === false;
}

/** Makes a response the last one of its connection, if the server no longer listens. */
export function closeIfStopping(incoming: IncomingMessage, response: ServerResponse): void {
  if (!isStopping(incoming)) return;
  if (incoming.httpVersionMajor > 1) (incoming as { stream?: Http2Stream }).stream?.session?.close?.();
  else if (!response.headersSent) response.setHeader('connection', 'close');
}

/** Closes the connection of a response that began while the server still listened. Call it when the response has finished. */
export function closeIdleIfStopping(incoming: IncomingMessage): void {
  const server = serverOf(incoming);
  if (server?.listening !== false) return;
  if (incoming.httpVersionMajor > 1) (incoming as { stream?: Http2Stream }).stream?.session?.close?.();
  // Not at once: until the event is over, the connection counts as busy.
  else setImmediate(() => server.closeIdleConnections?.());
}

interface Http2Stream {
  readonly session?: { close?(): void; readonly socket?: HostSocket } | undefined;
}

type HostServer = Partial<Server> & { closeIdleConnections?(): void };
type HostSocket = { readonly server?: HostServer } | null | undefined;

/** Serverless hosts have requests without a server. */
function serverOf(incoming: IncomingMessage): HostServer | undefined {
  if (incoming.httpVersionMajor > 1)
    return (incoming as { stream?: Http2Stream }).stream?.session?.socket?.server;
  return (incoming.socket as HostSocket)?.server;
}
