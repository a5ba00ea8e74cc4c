import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MountedAdapter } from '@countersign/testing';

/** Serves on a free port of the loopback address. */
export async function listen(listener: RequestListener): Promise<MountedAdapter> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { port: portOf(server), close: () => close(server) };
}

/** The port that a listening server got. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Ends a server and whatever is still connected to it. */
async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
