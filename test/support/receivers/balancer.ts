import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { freePort } from '../servers/free-port.ts';

/** Spreads connections over the receivers that are there. */
export interface Balancer {
  readonly url: string;
  /** In place of those before; connections that are open stay where they are. */
  route(ports: readonly number[]): void;
}

export async function startBalancer(): Promise<Balancer> {
  const port = await freePort();
  const open = new Set<Socket>();
  let targets: readonly number[] = [];
  let turn = 0;
  const server = createServer((client) => {
    const target = targets[turn++ % targets.length];
    if (target === undefined) {
      client.resetAndDestroy();
      return;
    }
    const receiver = connect(target, '127.0.0.1');
    client.pipe(receiver).pipe(client);
    for (const [socket, other] of [
      [client, receiver],
      [receiver, client],
    ] as const) {
      open.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    route(ports) {
      targets = ports;
    },
  };
}
