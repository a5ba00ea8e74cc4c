import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { LocalServer } from './local-server.ts';

/** A way to a server that a test can cut. */
export interface Outages {
  /** The server's URL, by this way. */
  through(url: string): string;
  /** Ends all connections, and each new one at once. */
  begin(): void;
  /** Returns how many connections were refused. */
  end(): number;
  /** How many connections were refused since the outage began. */
  readonly refused: number;
  close(): Promise<void>;
}

export async function startOutages({ host, port }: LocalServer): Promise<Outages> {
  const sockets = new Set<Socket>();
  let isDown = false;
  let refused = 0;
  const server = createServer((client) => {
    if (isDown) {
      refused += 1;
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    const upstream = connect(port, host);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    through(url) {
      const there = new URL(url);
      there.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      return there.href;
    },
    begin() {
      isDown = true;
      refused = 0;
      cut();
    },
    end() {
      isDown = false;
      return refused;
    },
    get refused() {
      return refused;
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
